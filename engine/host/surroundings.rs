//! What a sandbox must know of the host before it can hide it.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What is in the root directory, by name: where it leads, if it is a symbolic link.
///
/// # Errors
/// Whatever listing it gives.
pub fn root_entries() -> io::Result<Vec<(String, Option<PathBuf>)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, fs::read_link(entry.path()).ok()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// The Unix sockets on which somebody listens, as far as they have an absolute path.
pub fn sockets() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let mut found: Vec<PathBuf> = listening(&table).map(PathBuf::from).filter(|path| path.exists()).collect();
    found.sort();
    found.dedup();
    found
}

/// Paths in `/proc/net/unix` of sockets that accept connections or datagrams.
fn listening(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter_map(|line| line.find(" /").map(|at| &line[at + 1..]))
}

/// The path of a file or directory without symbolic links.
///
/// # Errors
/// When it does not exist or may not be reached.
pub fn real_path(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// The number of the user whose process this is.
pub fn user_number() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// The number of the group that this process is in.
pub fn group_number() -> u32 {
    nix::unistd::getegid().as_raw()
}

/// How many things can be done at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The path of this program.
///
/// # Errors
/// When it was removed.
pub fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Opens a file, made 0600 if need be, for a process to append to.
///
/// # Errors
/// Whatever opening gives.
pub fn output_file(path: &Path) -> io::Result<OwnedFd> {
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(OwnedFd::from)
}

/// A directory that is removed, with what is in it, when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the directory `path`, which must not exist.
    ///
    /// # Errors
    /// Whatever making it gives.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory that a procedure made unwritable stays; nobody is left to be told.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether something listens on `port` of this host, or has it reserved.
pub fn port_is_taken(port: u16) -> bool {
    let loopback = std::net::Ipv4Addr::LOCALHOST;
    std::net::TcpStream::connect((loopback, port)).is_ok()
        || std::net::TcpListener::bind((loopback, port)).is_err()
}

/// A line from a pipe that this process was given when it was started.
///
/// # Errors
/// Whatever reading gives, such as when it was given none.
pub fn inherited_line(descriptor: RawFd) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(fs::File::open(format!("/proc/self/fd/{descriptor}"))?).read_line(&mut line)?;
    Ok(line)
}

/// Removes a directory that is empty; one that is not stays.
pub fn remove_empty_dir(path: &Path) {
    let _ = fs::remove_dir(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_known_by_their_paths() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/docker.sock\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 12346 @abstract\n\
                     0000000000000000: 00000003 00000000 00000000 0001 03 12347\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 12348 run/relative.sock\n\
                     0000000000000000: 00000002 00000000 00000000 0002 01 12349 /dev/log with blanks\n";
        assert_eq!(listening(table).collect::<Vec<_>>(), ["/run/docker.sock", "/dev/log with blanks"]);
    }

    #[test]
    fn a_socket_that_listens_is_found() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(sockets().contains(&path));
    }

    #[test]
    fn the_root_has_its_usual_entries() {
        let names: Vec<String> = root_entries().unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"usr".to_owned()) && names.is_sorted());
    }

    #[test]
    fn a_scratch_directory_goes_with_its_owner() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("scratch");
        let scratch = Scratch::create(path.clone()).unwrap();
        fs::write(scratch.path().join("a"), "x").unwrap();
        assert!(Scratch::create(path.clone()).is_err());
        drop(scratch);
        assert!(!path.exists());
    }
}
