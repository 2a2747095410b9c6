//! Recognises UTF-8 that was read as Mac Roman or Windows-1252 and says what was meant.
//!
//! Only sequences that people write in runbooks count: Latin-1 letters and signs, the punctuation and
//! symbol blocks (`‚â•` is `≥`), and emoji (which begin with U+F8FF in Mac Roman). Anything else, such
//! as a closing quote behind an accented letter, is left as it is.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The encoding a text was wrongly read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Classic Mac OS.
    MacRoman,
    /// Windows Western European.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MacRoman => "Mac Roman",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// One mis-decoded character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garble {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// The character that was meant.
    pub meant: char,
    /// How it was read.
    pub read_as: Encoding,
}

/// The bytes 0x80 to 0xFF of Mac Roman.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";
/// The bytes 0x80 to 0x9F of Windows-1252; the five it leaves open are control characters.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// The text as it was meant.
pub fn repair(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut repaired = String::new();
    let mut end = 0;
    for garble in find(text) {
        repaired.push_str(&text[end..garble.range.start]);
        repaired.push(garble.meant);
        end = garble.range.end;
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[end..]);
    Cow::Owned(repaired)
}

/// What the bytes look like that begin such a sequence, 0xC2, 0xC3, 0xE2, 0xEF and 0xF0, in Mac Roman and in
/// Windows-1252: nearly every character is none of these, and needs no table.
const LEADS: [char; 10] = ['¬', '√', '‚', 'Ô', '\u{f8ff}', 'Â', 'Ã', 'â', 'ï', 'ð'];

/// Every mis-decoded character of a text, in order.
pub fn find(text: &str) -> Vec<Garble> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_ascii() {
            at += ascii_prefix(&text.as_bytes()[at..]);
            continue;
        }
        let encodings =
            [Encoding::MacRoman, Encoding::Windows1252].into_iter().filter(|_| LEADS.contains(&c));
        let garble = encodings.into_iter().find_map(|encoding| character(&text[at..], at, encoding));
        at = garble.as_ref().map_or(at + c.len_utf8(), |garble| garble.range.end);
        found.extend(garble);
    }
    found
}

/// How many bytes at the beginning are ASCII.
fn ascii_prefix(bytes: &[u8]) -> usize {
    // A block at a time, which takes a few instructions.
    let blocks = bytes.chunks_exact(32).take_while(|block| block.is_ascii()).count() * 32;
    blocks + bytes[blocks..].iter().take_while(|byte| byte.is_ascii()).count()
}

/// The one character the text begins with, had it been decoded as UTF-8.
fn character(text: &str, at: usize, read_as: Encoding) -> Option<Garble> {
    let mut chars = text.char_indices();
    let lead = byte(chars.next()?.1, read_as)?;
    let more = match lead {
        0xc2 | 0xc3 => 1,
        0xe2 | 0xef => 2,
        0xf0 => 3,
        _ => return None,
    };
    let mut bytes = vec![lead];
    let mut end = 0;
    for (offset, c) in chars.take(more) {
        bytes.push(byte(c, read_as).filter(|byte| (0x80..0xc0).contains(byte))?);
        end = offset + c.len_utf8();
    }
    let mut decoded = std::str::from_utf8(&bytes).ok()?.chars();
    let meant = decoded.next().filter(|c| !c.is_control())?;
    Some(Garble { range: at..at + end, meant, read_as })
}

fn byte(c: char, encoding: Encoding) -> Option<u8> {
    let position = |table: &str| table.chars().position(|known| known == c);
    match encoding {
        Encoding::MacRoman => position(MAC_ROMAN).and_then(|index| u8::try_from(index + 0x80).ok()),
        Encoding::Windows1252 => position(WINDOWS_1252)
            .and_then(|index| u8::try_from(index + 0x80).ok())
            .or_else(|| u8::try_from(u32::from(c)).ok().filter(|byte| *byte >= 0xa0)),
    }
}

/// The text as it looks when its UTF-8 is read in another encoding; for tests.
#[cfg(test)]
pub(crate) fn misread(text: &str, encoding: Encoding) -> String {
    let table: Vec<char> = MAC_ROMAN.chars().collect();
    let windows: Vec<char> = WINDOWS_1252.chars().collect();
    text.bytes()
        .map(|byte| match (byte, encoding) {
            (0..0x80, _) => char::from(byte),
            (_, Encoding::MacRoman) => table[usize::from(byte) - 0x80],
            (0x80..0xa0, Encoding::Windows1252) => windows[usize::from(byte) - 0x80],
            (_, Encoding::Windows1252) => char::from(byte),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found_for_both_encodings() {
        assert_eq!(MAC_ROMAN.chars().count(), 128);
        assert_eq!(WINDOWS_1252.chars().count(), 32);
        for meant in ["≥ 90% pass", "🚨 Alert: x", "A → B", "café – “quoted”", "🔌 ⚠️ 📝 a", "5–10 min"]
        {
            for encoding in [Encoding::MacRoman, Encoding::Windows1252] {
                assert_eq!(repair(&misread(meant, encoding)), meant, "{encoding}");
            }
        }
        assert_eq!(repair("‚â• 90%"), "≥ 90%");
        assert_eq!(repair("\u{f8ff}üö® x"), "🚨 x");
    }

    #[test]
    fn the_leads_are_those_of_the_tables() {
        let bytes = [0xc2, 0xc3, 0xe2, 0xef, 0xf0].map(Some);
        for (leads, encoding) in [(&LEADS[..5], Encoding::MacRoman), (&LEADS[5..], Encoding::Windows1252)] {
            let found: Vec<_> = leads.iter().map(|lead| byte(*lead, encoding)).collect();
            assert_eq!(found, bytes);
        }
    }

    #[test]
    fn text_that_is_right_stays() {
        for text in ["≥ 90%", "🚨 x", "l’été « où »…", "“état”", "5–10 “é”", "naïve Ähre", "a\u{a0}b", "日本"]
        {
            assert_eq!(find(text), [], "{text}");
            assert_eq!(repair(text), text);
        }
    }

    #[test]
    fn a_garble_names_its_bytes_and_its_reading() {
        let far = "x".repeat(70) + "日‚â•";
        assert_eq!(find(&far), [Garble { range: 73..81, meant: '≥', read_as: Encoding::MacRoman }]);
        assert_eq!(find("x ‚â• y"), [Garble { range: 2..10, meant: '≥', read_as: Encoding::MacRoman }]);
    }
}
