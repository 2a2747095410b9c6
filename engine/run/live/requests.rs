//! `curl` typed in a step, against a server of the test's own.

use super::{act, look, run};
use crate::event::{NotTried, StepResult};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

/// Answers `/CODE` with that code and the body `body`, until the test ends.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut request = String::new();
            let _ = reader.read_line(&mut request);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let code = request.split(['/', ' ']).nth(2).unwrap_or("500").to_owned();
            let to = if code == "302" { "Location: /200\r\n" } else { "" };
            let _ = write!(
                &stream,
                "HTTP/1.1 {code} X\r\n{to}Content-Length: 5\r\nConnection: close\r\n\r\nbody\n"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn a_typed_curl_shows_no_progress_meter() {
    let url = serve();
    let ran = run(vec![act(&format!("curl -X POST {url}/200")), act(&format!("curl {url}/404"))]);
    assert_eq!((ran.stdout(0).as_str(), ran.stderr(0).as_str()), ("body\n", ""));
    assert_eq!(ran.stderr(1), "curl: (22) The requested URL returned error: 404\n");
}

#[test]
fn a_typed_curl_fails_on_http_errors_and_its_code_is_known() {
    let url = serve();
    let http = |code| Some(NotTried::Http { code });
    for (script, status, codes, not_tried, stdout) in [
        ("curl -s URL/200", 0, &[200][..], None, "body\n"),
        ("curl -s URL/500", 22, &[500], None, "body\n"),
        ("curl -s URL/404", 22, &[404], http(404), "body\n"),
        ("curl -sf URL/404", 22, &[404], http(404), ""),
        ("curl -sfX POST URL/422", 22, &[422], http(422), ""),
        ("curl -s -o /dev/null -w '%{http_code}' URL/500", 0, &[500], None, "500"),
        ("curl -so /dev/null -w'%{http_code}\\n' URL/404", 0, &[404], None, "404\n"),
        ("curl -s -X POST -H 'A: -f' -d '{}' URL/503", 22, &[503], None, "body\n"),
        ("curl -sL URL/302", 0, &[302, 200], None, "body\n"),
        ("curl -s URL/404 | cat", 22, &[404], http(404), "body\n"),
        ("x=$(curl -s URL/200); echo \"[$x]\"", 0, &[200], None, "[body]\n"),
        ("curl -s URL/404 || curl -s URL/200", 0, &[404, 200], None, "body\nbody\n"),
        ("curl -s URL/404 || curl -s URL/500", 22, &[404, 500], None, "body\nbody\n"),
        ("curl -q -s URL/500", 22, &[500], None, "body\n"),
        ("curl -s URL/200 --next -s URL/500", 22, &[200, 500], None, "body\nbody\n"),
        ("bash -c 'curl -s URL/500'", 0, &[], None, "body\n"),
        ("curl() { echo mine; }; curl", 0, &[], None, "mine\n"),
        ("curl -s URL/404\necho never", 22, &[404], http(404), "body\n"),
    ] {
        let ran = run(vec![act(&script.replace("URL", &url))]);
        let expected = match status {
            0 => StepResult::Passed,
            status => StepResult::Failed { status, not_tried },
        };
        assert_eq!(ran.result(0), &expected, "{script} {:#?}", ran.events);
        assert_eq!((ran.end(0).http.as_slice(), ran.stdout(0).as_str()), (codes, stdout), "{script}");
    }
}

#[test]
fn codes_belong_to_the_statement_that_asked() {
    let url = serve();
    let script = format!("curl -s {url}/404\nfalse");
    let ran = run(vec![look(&script)]);
    assert_eq!(ran.statuses(0), [22, 1]);
    // What failed last did not ask.
    assert_eq!(ran.result(0), &StepResult::Failed { status: 22, not_tried: None });
}
