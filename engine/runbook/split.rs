//! Where one code block holds several steps: numbered comments, and comments that offer alternatives.
//!
//! A block is cut only where the grammar says that a comment stands between statements. Which steps
//! become of the pieces is [`super::steps`]'s.

use super::prose;
use crate::shell::{Comment, Script};
use std::ops::Range;

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its lines in the script, from 0, the comment that introduces it left out.
    pub(super) lines: Range<usize>,
    /// The line of the comment that introduces it, if one does.
    pub(super) comment: Option<usize>,
    /// What that comment says, without its number.
    pub(super) text: Option<String>,
    /// It is one of several alternatives.
    pub(super) is_arm: bool,
    /// No statement stands in it: a person does what its comment says.
    pub(super) manual: bool,
}

/// What becomes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// It is one step.
    Whole,
    /// It is cut.
    Pieces(Vec<Piece>),
    /// It offers alternatives, and the grammar does not understand it: nobody knows where to cut.
    Unknown,
}

/// What a comment introduces.
enum Mark {
    /// The next of numbered steps.
    Number(u32),
    /// An alternative whose condition the comment states.
    If,
    /// An alternative to what stands before it.
    Or,
}

/// Cuts a script at its comments.
pub(super) fn split(text: &str, script: &Script) -> Split {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_of = |at: usize| ends.partition_point(|end| *end < at);
    let marks: Vec<(usize, Mark, &Comment)> = script
        .comments
        .iter()
        .filter_map(|comment| Some((line_of(comment.span.start), mark(&comment.text)?, comment)))
        .collect();
    let offers = |mark: &Mark| matches!(mark, Mark::If | Mark::Or);
    if !script.is_complete() {
        let alternatives = marks.iter().any(|(_, mark, _)| offers(mark));
        return if alternatives && !script.statements.is_empty() { Split::Unknown } else { Split::Whole };
    }
    let lines = ends.len() + 1;
    let starts: Vec<usize> =
        script.statements.iter().map(|statement| line_of(statement.span.start)).collect();
    let has_statement = |range: &Range<usize>| {
        let first = starts.partition_point(|line| *line < range.start);
        starts.get(first).is_some_and(|line| *line < range.end)
    };
    // Numbers that do not go up by one are no steps.
    let mut next = None;
    let mut cuts: Vec<(usize, &Mark, &Comment)> = Vec::new();
    for (line, mark, comment) in marks.iter().filter(|(_, _, comment)| comment.boundary) {
        if let Mark::Number(number) = mark {
            if next.is_some_and(|next| next != *number) {
                continue;
            }
            next = Some(number + 1);
        }
        cuts.push((*line, mark, comment));
    }
    if cuts.iter().filter(|(_, mark, _)| !offers(mark)).count() < 2 {
        cuts.retain(|(_, mark, _)| offers(mark));
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let first = cuts.first().map_or(lines, |(line, _, _)| *line);
    if has_statement(&(0..first)) {
        let before_or = matches!(cuts.first(), Some((_, Mark::Or, _)));
        pieces.push(Piece { lines: 0..first, comment: None, text: None, is_arm: before_or, manual: false });
    }
    for (index, (line, mark, comment)) in cuts.iter().enumerate() {
        let end = cuts.get(index + 1).map_or(lines, |(line, _, _)| *line);
        let body = line + 1..end;
        let works = has_statement(&body);
        match mark {
            Mark::Number(_) => pieces.push(Piece {
                lines: body,
                comment: Some(*line),
                text: Some(prose::label(&without_number(&comment.text))),
                is_arm: false,
                manual: !works,
            }),
            // A remark without a statement behind it offers nothing.
            Mark::If | Mark::Or if works => {
                if matches!(mark, Mark::Or)
                    && let Some(before) = pieces.last_mut().filter(|piece| !piece.manual)
                {
                    before.is_arm = true;
                }
                pieces.push(Piece {
                    lines: body,
                    comment: Some(*line),
                    text: Some(prose::label(&comment.text)),
                    is_arm: true,
                    manual: false,
                });
            }
            Mark::If | Mark::Or => {}
        }
    }
    let cut = pieces.len() > 1 || pieces.first().is_some_and(|piece| piece.is_arm);
    if cut { Split::Pieces(pieces) } else { Split::Whole }
}

fn mark(comment: &str) -> Option<Mark> {
    if let Some(number) = number(comment) {
        return Some(Mark::Number(number));
    }
    let word = comment.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match word.to_lowercase().as_str() {
        "if" => Some(Mark::If),
        "option" if comment[word.len()..].trim_start().chars().next().is_some_and(char::is_alphanumeric) => {
            Some(Mark::If)
        }
        "or" | "otherwise" | "alternatively" | "else" => Some(Mark::Or),
        _ => None,
    }
}

/// The number of `1. …`, `2) …`, `Step 3: …`.
fn number(comment: &str) -> Option<u32> {
    let step = comment.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("step"));
    let rest = if step { comment[4..].trim_start() } else { comment };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let behind = &rest[digits..];
    let marked = behind.strip_prefix(['.', ')', ':']).or_else(|| behind.strip_prefix(" -"));
    let ends = match marked {
        Some(text) => text.is_empty() || text.starts_with(' '),
        None => step && (behind.is_empty() || behind.starts_with(' ')),
    };
    (digits > 0 && ends).then(|| rest[..digits].parse().ok())?
}

/// A numbered comment's text; the comment itself when nothing else is in it.
fn without_number(comment: &str) -> String {
    let step = comment.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("step"));
    let rest = if step { comment[4..].trim_start() } else { comment };
    let text =
        rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', ')', ':', '-', ' ']);
    if text.is_empty() { comment.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    /// Each piece as `text@first-last`, `|` before an arm, `?` before a manual one.
    fn pieces(text: &str) -> String {
        match split(text, &shell::parse(text)) {
            Split::Whole => "whole".into(),
            Split::Unknown => "unknown".into(),
            Split::Pieces(pieces) => {
                let shown = pieces.iter().map(|piece| {
                    let sign = if piece.is_arm {
                        "|"
                    } else if piece.manual {
                        "?"
                    } else {
                        ""
                    };
                    let text = piece.text.as_deref().unwrap_or("-");
                    format!("{sign}{text}@{}-{}", piece.lines.start, piece.lines.end)
                });
                shown.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn numbered_comments_cut() {
        for (text, wanted) in [
            ("# 1. Stop\na\n\n# 2. Start\nb\nc", "Stop@1-3 Start@4-6"),
            ("# Step 1: Stop\na\n# Step 2: Start\nb", "Stop@1-2 Start@3-4"),
            ("# 1) Stop\na\n# 2) Start\nb", "Stop@1-2 Start@3-4"),
            ("# 1. Stop\na \\\n  -d x\n# 2. Start\nb", "Stop@1-3 Start@4-5"),
            ("x\n# 1. Stop\na\n# 2. Start\nb", "-@0-1 Stop@2-3 Start@4-5"),
            ("# Head\n# 1. Stop\na\n# 2. Start\nb", "Stop@2-3 Start@4-5"),
            ("# 1. Stop\na\n# 2. Tell the team\n# 3. Start\nb", "Stop@1-2 ?Tell the team@3-3 Start@4-5"),
            ("# 1. Only one\na", "whole"),
            ("# 1. Stop\na\n# 5. Start\nb", "whole"),
            ("# 10 engines\na\n# 11 engines\nb", "whole"),
            ("a", "whole"),
            ("", "whole"),
            ("for x in 1 2; do\n# 1. a\na\n# 2. b\nb\ndone", "whole"),
            ("cat <<EOF\n# 1. a\n# 2. b\nEOF", "whole"),
            ("# 1. Stop\nif then\n# 2. Start\nb", "whole"),
        ] {
            assert_eq!(pieces(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn comments_that_offer_alternatives_cut_into_arms() {
        for (text, wanted) in [
            ("make rollback\n# Or use the script\n./x.sh", "|-@0-1 |Or use the script@2-3"),
            ("a\n# If still failing, check\nb", "-@0-1 |If still failing, check@2-3"),
            ("# If it is the feed\na\n# If it is the API\nb", "|If it is the feed@1-2 |If it is the API@3-4"),
            ("# Option A: restart\na\n# Option B\nb", "|Option A: restart@1-2 |Option B@3-4"),
            ("# If recent\na\n# Otherwise\nb", "|If recent@1-2 |Otherwise@3-4"),
            ("# 1. Look\na\n# 2. Act\nb\n# Or\nc\n# 3. End\nd", "Look@1-2 |Act@3-4 |Or@5-6 End@7-8"),
            ("a\n# If this fails, call us", "whole"),
            ("a\n# Ordinary\nb", "whole"),
            ("a\n# Options are listed below\nb", "whole"),
            ("# Iffy\na", "whole"),
            ("# If so\na\nif then", "unknown"),
        ] {
            assert_eq!(pieces(text), wanted, "{text:?}");
        }
    }
}
