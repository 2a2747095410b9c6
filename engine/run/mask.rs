//! Secrets, masked by value. Pure.

/// What stands in a secret's place.
const MASKED: &str = "******";

/// The secrets of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    /// Longest first, so that the longest that fits is taken.
    secrets: Vec<Vec<u8>>,
}

impl Mask {
    /// A mask of these values; an empty one is no secret.
    pub(super) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<Vec<u8>> =
            secrets.into_iter().map(String::into_bytes).filter(|secret| !secret.is_empty()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// Length of the longest secret.
    pub(super) fn longest(&self) -> usize {
        self.secrets.first().map_or(0, Vec::len)
    }

    /// How many of `bytes` are certain whatever follows them: no secret that could still be completed,
    /// or become a longer one, begins in them.
    pub(super) fn settled(&self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest)) {
                return at;
            }
            at += self.at(rest).unwrap_or(1);
        }
        at
    }

    /// Appends `bytes` as text with secrets masked; of those before `context`, only a secret that
    /// reaches beyond it shows, as its mask.
    pub(super) fn append(&self, bytes: &[u8], context: usize, out: &mut String) {
        if self.secrets.is_empty() {
            out.push_str(&String::from_utf8_lossy(&bytes[context..]));
            return;
        }
        let (mut at, mut clear) = (0, context);
        while at < bytes.len() {
            let Some(length) = self.at(&bytes[at..]) else {
                at += 1;
                continue;
            };
            if at + length > context {
                if at > clear {
                    out.push_str(&String::from_utf8_lossy(&bytes[clear..at]));
                }
                out.push_str(MASKED);
                clear = at + length;
            }
            at += length;
        }
        if clear < bytes.len() {
            out.push_str(&String::from_utf8_lossy(&bytes[clear..]));
        }
    }

    /// The text with secrets masked.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = String::new();
        self.append(text.as_bytes(), 0, &mut out);
        out
    }

    /// Length of the secret at the beginning.
    fn at(&self, bytes: &[u8]) -> Option<usize> {
        self.secrets.iter().find(|secret| bytes.starts_with(secret)).map(Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_value_is_masked() {
        let mask = Mask::new(["s3cret".to_owned(), "s3cret-long".to_owned(), String::new()]);
        for (text, expected) in [
            ("token=s3cret&x", "token=******&x"),
            ("s3cret-long", "******"),
            ("s3cret-lon", "******-lon"),
            ("s3cre", "s3cre"),
            ("", ""),
        ] {
            assert_eq!(mask.text(text), expected, "{text:?}");
        }
    }
}
