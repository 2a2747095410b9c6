//! Values cannot inject: random values at every kind of place, through real bash.
//!
//! For every value and place, the command receives exactly the value's bytes as one piece of data, or
//! the value is refused, and nothing else runs. An empty value is always refused. Many cases share one bash: its commands are functions
//! that write what they received, and any command that is no such function writes an alarm.
//! `RUNBOOK_INJECTION_CASES` sets the number of cases, `RUNBOOK_INJECTION_SEED` another beginning.

use runbook::plan::{Insertion, check_variable, render};
use runbook::shell::placeholders;
use std::path::Path;
use std::process::{Command, Stdio};

/// Cases in the suite.
const CASES: u64 = 12_000;

/// Cases that share one bash.
const BATCH: u64 = 2_000;

/// What the scripts call. Each record is a list of texts, every text followed by a NUL.
const PRELUDE: &str = r#"
exec 9>"$RECORDS"
PATH=/nonexistent
got() { printf '%s\0' got "$#" "$@" >&9; }
feed() { local all; IFS= read -r -d '' all; printf '%s\0' feed "$all" >&9; }
show() { got "$V"; }
canary() { printf '%s\0' ALARM >&9; }
command_not_found_handle() { printf '%s\0' ALARM >&9; return 127; }
case_is() { printf '%s\0' case "$1" >&9; }
"#;

/// One kind of place: a script whose every placeholder gets the value, and what must be recorded.
struct Place {
    script: &'static str,
    /// The records, in which every `@` is the value.
    records: &'static [&'static [&'static str]],
}

const fn place(script: &'static str, records: &'static [&'static [&'static str]]) -> Place {
    Place { script, records }
}

const PLACES: &[Place] = &[
    place("got <value>", &[&["got", "1", "@"]]),
    place("got a<value>b c", &[&["got", "2", "a@b", "c"]]),
    place("got <value>b", &[&["got", "1", "@b"]]),
    place("got \"<value>\"", &[&["got", "1", "@"]]),
    place("Y=1; got \"a $Y <value>b$Y\"", &[&["got", "1", "a 1 @b1"]]),
    place("got 'a <value> b'", &[&["got", "1", "a @ b"]]),
    place("got $'it\\'s 1234567890 <value> b'", &[&["got", "1", "it's 1234567890 @ b"]]),
    place("feed <<EOF\na <value> b\n<value>\nEOF", &[&["feed", "a @ b\n@\n"]]),
    place("feed <<'EOF'\n<value>\nb\nEOF", &[&["feed", "@\nb\n"]]),
    place("feed <<-EOF\n\tx<value>\n\tEOF", &[&["feed", "x@\n"]]),
    place("feed <<< <value>", &[&["feed", "@\n"]]),
    place("feed <<< \"a <value>\"", &[&["feed", "a @\n"]]),
    place("got a # <value>", &[&["got", "1", "a"]]),
    place("# <value>\ngot a", &[&["got", "1", "a"]]),
    place("got \"$(printf '%s/' x<value>)\"", &[&["got", "1", "x@/"]]),
    place(
        "got \"a $(got <value> \"<value>\" '<value>') b\"",
        &[&["got", "3", "@", "@", "@"], &["got", "1", "a  b"]],
    ),
    place("got <value> | feed", &[&["got", "1", "@"], &["feed", ""]]),
    place("got <value> > /dev/null 2>&1 < /dev/null", &[&["got", "1", "@"]]),
    place("2>/dev/null got a <value>", &[&["got", "2", "a", "@"]]),
    place("V=<value>; got \"$V\"", &[&["got", "1", "@"]]),
    place("V=a<value>; got $V", &[&["got", "1", "a@"]]),
    place("V=<value> show", &[&["got", "1", "@"]]),
    place("export V=\"x<value>\"; show", &[&["got", "1", "x@"]]),
    place("A=(x <value> \"<value>\"); got \"${A[@]}\"", &[&["got", "3", "x", "@", "@"]]),
    place("for i in <value> z; do got \"$i\"; done", &[&["got", "1", "@"], &["got", "1", "z"]]),
    place("case <value> in *) got ok;; esac", &[&["got", "1", "ok"]]),
    place("[[ \"<value>\" == \"<value>\" ]] && got ok", &[&["got", "1", "ok"]]),
    place("[[ x<value> == x<value> ]] && got ok", &[&["got", "1", "ok"]]),
    place("[ x<value> = \"x<value>\" ] && got ok", &[&["got", "1", "ok"]]),
    place("if got <value>; then got 'y<value>'; fi", &[&["got", "1", "@"], &["got", "1", "y@"]]),
    place("f() { got <value> \"$@\"; }; f a", &[&["got", "2", "@", "a"]]),
    place("( got <value> ) && { got \"x<value>\"; } || got no", &[&["got", "1", "@"], &["got", "1", "x@"]]),
    place("got <value><value>", &[&["got", "1", "@@"]]),
    place("got http://h/<value>/x http://<value>/", &[&["got", "2", "http://h/@/x", "http://@/"]]),
    place("got '{\"a\":\"<value>\"}'", &[&["got", "1", "{\"a\":\"@\"}"]]),
    place("eval \"got x<value>\"", &[&["got", "1", "x@"]]),
    place("eval got '\"<value>\"'", &[&["got", "1", "@"]]),
    place("got \\\n  --a=<value>", &[&["got", "1", "--a=@"]]),
    place("got \"$(feed <<EOF\n<value>\nEOF\n)\"", &[&["feed", "@\n"], &["got", "1", ""]]),
    place("got \"$(feed <<'EOF'\n<value>\nEOF\n)\"", &[&["feed", "@\n"], &["got", "1", ""]]),
    place("got \"<value>\"'<value>'$'1234567890<value>'<value>", &[&["got", "1", "@@1234567890@@"]]),
    place("got {<value>,b} %<value> =<value>", &[&["got", "4", "@", "b", "%@", "=@"]]),
    place("got ./*/<value>", &[&["got", "1", "./*/@"]]),
];

/// Uses of a variable that the session sets to the value.
const VARIABLES: &[Place] = &[
    place("got \"$ID\"", &[&["got", "1", "@"]]),
    place("got $ID", &[&["got", "1", "@"]]),
    place("got a${ID}b", &[&["got", "1", "a@b"]]),
    place("got http://h/$ID", &[&["got", "1", "http://h/@"]]),
    place("feed <<EOF\n$ID\nEOF", &[&["feed", "@\n"]]),
    place("eval \"got x$ID\"", &[&["got", "1", "x@"]]),
    place("X=$ID; got \"$X\"", &[&["got", "1", "@"]]),
    place("case $ID in *) got ok;; esac", &[&["got", "1", "ok"]]),
    place("[[ $ID == \"$ID\" ]] && got ok", &[&["got", "1", "ok"]]),
    place(": $((ID + 1)); got ok", &[&["got", "1", "ok"]]),
    place("[[ $ID -eq 1 ]]; got ok", &[&["got", "1", "ok"]]),
    place("A=(1); : ${A[$ID]}; got ok", &[&["got", "1", "ok"]]),
];

/// What values are made of.
const PIECES: &[&str] = &[
    "$(canary)",
    "`canary`",
    "; canary",
    "&& canary",
    "| canary",
    "\ncanary\n",
    "& canary &",
    "> file",
    "< file",
    "<(canary)",
    "${X:-$(canary)}",
    "$((a[$(canary)]))",
    "a[$(canary)]",
    "'",
    "\"",
    "''",
    "\\",
    "\\\\",
    "\\'",
    "$'",
    "$\"",
    "$",
    "`",
    "!",
    "!!",
    "!canary",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "~",
    "~root",
    "-",
    "--",
    "-n",
    "-rf",
    "@",
    "@/etc/passwd",
    "#",
    " # ",
    "\n",
    "\n\n",
    "\t",
    "\n\t",
    "\r",
    "\r\n",
    " ",
    "  ",
    "EOF",
    "\nEOF\n",
    "EOF\n",
    "\nEOF",
    "OF",
    "E",
    ")",
    "(",
    "))",
    "$((1",
    "}",
    "{",
    "]]",
    "]",
    "esac",
    ";;",
    "done",
    "fi",
    "&",
    "|",
    ";",
    "<",
    ">",
    ">>",
    "<<EOF",
    "<<<",
    "2>&1",
    "=",
    "%s",
    "%n",
    "%",
    "{{value}}",
    "{{{x}}}",
    "<value>",
    "&amp;",
    "é",
    "ü",
    "日本",
    "🚨",
    "\u{1}",
    "\u{7f}",
    "\u{1b}[31m",
    "\u{80}",
    "\u{ff}",
    "\u{2028}",
    "\u{fffc}",
    "\u{feff}",
    "a",
    "b",
    "1",
    "x-y_z.0",
    "/",
    "/dev/tcp/h/1",
    "..",
    ".",
    ":",
    ",",
    "^",
    "\u{b}",
    "\u{c}",
    "\u{8}",
];

#[test]
fn an_empty_value_is_refused_at_every_place() {
    let all = PLACES.iter().map(|place| (place, false)).chain(VARIABLES.iter().map(|place| (place, true)));
    for (place, is_variable) in all {
        assert_eq!(filled(place, "", is_variable), None, "{}", place.script);
    }
}

/// A small generator of random numbers: the same seed gives the same cases everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn value(&mut self) -> String {
        let mut value = String::new();
        match self.below(8) {
            0 if self.below(2) == 0 => value = (self.next() as i16).to_string(),
            0 => {
                for _ in 0..self.below(9) {
                    value.push(char::from(b"abcXYZ019._~:@-"[self.below(15)]));
                }
            }
            1 => {
                for _ in 0..self.below(12) {
                    value.push(char::from_u32(1 + self.below(0x7f) as u32).expect("is ASCII"));
                }
            }
            2 => {
                for _ in 0..self.below(6) {
                    value.push(
                        char::from_u32(self.below(0x11_0000) as u32).filter(|c| *c != '\0').unwrap_or('x'),
                    );
                }
            }
            _ => {
                for _ in 0..=self.below(5) {
                    value.push_str(PIECES[self.below(PIECES.len())]);
                }
            }
        }
        value
    }
}

/// The script with the value in place, or nothing when it is refused.
fn filled(place: &Place, value: &str, is_variable: bool) -> Option<String> {
    if is_variable {
        let refused = check_variable(place.script, "ID", value, false);
        // Written byte by byte, so that this test trusts none of our quoting.
        let bytes = value.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
        return refused.is_empty().then(|| format!("ID=$'{bytes}'\n{}", place.script));
    }
    let places = placeholders(place.script);
    assert!(!places.is_empty(), "{}", place.script);
    let insertions = places
        .iter()
        .map(|place| Insertion { span: place.span, value: Some(value), secret: false, free: false })
        .collect::<Vec<_>>();
    render(place.script, &insertions).ok().map(|rendered| rendered.script)
}

/// Runs `script` and gives what it recorded.
fn records(directory: &Path, script: &str, locale: &str) -> Vec<String> {
    let (file, out) = (directory.join("script"), directory.join("records"));
    let work = directory.join("work");
    std::fs::create_dir_all(&work).expect("is writable");
    std::fs::write(&file, script).expect("is writable");
    let status = Command::new("/bin/bash")
        .args(["--norc", "--noprofile"])
        .arg(&file)
        .current_dir(&work)
        .env_clear()
        .env("LC_ALL", locale)
        .env("RECORDS", &out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("bash is there");
    assert!(status.code().is_some(), "bash was killed");
    let left = std::fs::read_dir(&work).expect("is there").count();
    assert_eq!(left, 0, "a value made a file");
    let bytes = std::fs::read(&out).expect("was written");
    let mut records = bytes
        .split(|byte| *byte == 0)
        .map(|one| String::from_utf8_lossy(one).into_owned())
        .collect::<Vec<_>>();
    records.pop();
    records
}

/// One batch from `first` on; gives how often each place took its value.
fn batch(seed: u64, first: u64, count: u64) -> Vec<u64> {
    let all = PLACES.iter().map(|place| (place, false)).chain(VARIABLES.iter().map(|place| (place, true)));
    let all = all.collect::<Vec<_>>();
    let mut taken = vec![0; all.len()];
    let mut script = PRELUDE.to_owned();
    let mut expected: Vec<String> = Vec::new();
    let mut cases = Vec::new();
    for case in first..first + count {
        let mut random = Random(seed ^ case.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let which = (case % all.len() as u64) as usize;
        let (place, is_variable) = all[which];
        let value = random.value();
        let Some(text) = filled(place, &value, is_variable) else { continue };
        assert!(!value.is_empty(), "an empty value was taken by {}", place.script);
        taken[which] += 1;
        script.push_str(&format!("case_is {case}\n{text}\n"));
        expected.extend(["case".to_owned(), case.to_string()]);
        expected.extend(place.records.iter().copied().flatten().map(|part| part.replace('@', &value)));
        cases.push((case, text, value));
    }
    let directory = tempfile::tempdir().expect("is writable");
    let locale = if (first / BATCH).is_multiple_of(2) { "C.UTF-8" } else { "C" };
    let found = records(directory.path(), &script, locale);
    if found != expected {
        let at =
            found.iter().zip(&expected).position(|(a, b)| a != b).unwrap_or(found.len().min(expected.len()));
        let of = expected[..=at.min(expected.len() - 1)].windows(2).rev().find(|pair| pair[0] == "case");
        let number = of.map_or(first, |pair| pair[1].parse().expect("is a number"));
        let (_, text, value) = cases.iter().find(|(case, ..)| *case == number).expect("was run");
        panic!(
            "case {number} (seed {seed}, {locale}): {value:?} in\n{text}\ngave {:?}\nnot  {:?}",
            &found[at.saturating_sub(4)..(at + 3).min(found.len())],
            &expected[at.saturating_sub(4)..(at + 3).min(expected.len())],
        );
    }
    taken
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("is a number"))
}

#[test]
fn every_value_arrives_as_it_is_or_is_refused() {
    let (cases, seed) = (number("RUNBOOK_INJECTION_CASES", CASES), number("RUNBOOK_INJECTION_SEED", 1));
    let next = std::sync::atomic::AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let work = || {
        let mut taken = vec![0; PLACES.len() + VARIABLES.len()];
        loop {
            let first = next.fetch_add(BATCH, std::sync::atomic::Ordering::Relaxed);
            if first >= cases {
                return taken;
            }
            for (sum, count) in taken.iter_mut().zip(batch(seed, first, BATCH.min(cases - first))) {
                *sum += count;
            }
        }
    };
    let totals = std::thread::scope(|scope| {
        let running = (0..threads).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    // Refusing everything would pass as well.
    for (which, place) in PLACES.iter().chain(VARIABLES).enumerate() {
        let taken = totals.iter().map(|total| total[which]).sum::<u64>();
        let share = cases / (PLACES.len() + VARIABLES.len()) as u64;
        assert!(taken * 50 >= share, "only {taken} of {share} values were taken by {}", place.script);
    }
}
