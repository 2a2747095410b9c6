//! Whether somebody else could have written what is read here.
//!
//! Looks at owner and mode, and with the mode at access lists, whose mask it shows. Does not look at the
//! directories above: whoever may only write there can put a directory of their own in the place of ours,
//! and then it is theirs.

use super::environment::user_name;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Who else may write to a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposed {
    /// Its owner, who is another user.
    Owner(String),
    /// Everybody in its group.
    Group(String),
    /// Everybody.
    Everyone,
}

/// Who besides this user and root may write to what is at `path`.
pub(super) fn exposed(path: &Path) -> io::Result<Option<Exposed>> {
    Ok(exposed_of(&path.metadata()?))
}

/// The same of what was looked at already.
pub(super) fn exposed_of(metadata: &Metadata) -> Option<Exposed> {
    of(metadata, nix::unistd::geteuid().as_raw())
}

fn of(metadata: &Metadata, user: u32) -> Option<Exposed> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    if owner != user && owner != 0 {
        return Some(Exposed::Owner(user_name(owner)));
    }
    if mode & 0o002 != 0 {
        return Some(Exposed::Everyone);
    }
    (mode & 0o020 != 0).then(|| Exposed::Group(group_name(metadata.gid())))
}

fn group_name(id: u32) -> String {
    let group = nix::unistd::Group::from_gid(id.into()).ok().flatten();
    group.map_or_else(|| id.to_string(), |group| group.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn whoever_else_may_write_is_named() {
        let place = tempfile::tempdir().unwrap();
        let found = |mode: u32, user: Option<u32>| {
            std::fs::set_permissions(place.path(), PermissionsExt::from_mode(mode)).unwrap();
            let metadata = place.path().metadata().unwrap();
            of(&metadata, user.unwrap_or(metadata.uid()))
        };
        let group = group_name(place.path().metadata().unwrap().gid());
        for (mode, expected) in [
            (0o700, None),
            (0o755, None),
            (0o770, Some(Exposed::Group(group.clone()))),
            (0o775, Some(Exposed::Group(group))),
            (0o707, Some(Exposed::Everyone)),
            (0o1777, Some(Exposed::Everyone)),
        ] {
            assert_eq!(found(mode, None), expected, "{mode:o}");
        }
        // What is root's is nobody else's.
        let owner = place.path().metadata().unwrap().uid();
        let expected = (owner != 0).then(|| Exposed::Owner(user_name(owner)));
        assert_eq!(found(0o700, Some(owner + 1)), expected);
    }

    #[test]
    fn a_user_without_a_name_is_a_number() {
        assert_eq!(user_name(4_123_456), "4123456");
        assert_eq!(group_name(4_123_456), "4123456");
        assert_eq!(user_name(0), "root");
    }
}
