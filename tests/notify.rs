//! Who is told of a run that failed, was contained or missed its target: commands and webhooks of `runbook.yaml`,
//! against receivers that take it, refuse it, fail, hang and recover.

use crate::harness::{Finished, OnTerminal, Reply, Running, Service, Test};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A runbook whose restart fails unless there is a file `well`.
const DOCUMENT: &str = "\
# Bot

## Engine Restart Failed

**Severity**: Critical

1. Check:
   ```bash
   echo status {api_token}
   ```
2. Force restart:
   ```bash
   touch tried; test -e well
   ```
3. Verify:
   ```bash
   test -e well
   ```

## Escalation Matrix

| Severity | Response Time | Escalation |
|---|---|---|
| P0 (Critical) | Immediate | On-call engineer + CTO |
";

const FAILS: &str = "\
# Bot

## Restart

**Target**: Recovery < 1 ms

1. Restart:
   ```bash
   touch tried; test -e well
   ```
2. Verify:
   ```bash
   test -e well
   ```
";

const ARGS: &[&str] = &["exec", "Restart", "--unattended", "--file", "doc.md", "--verify-timeout", "100ms"];

/// A run with these notifiers, which ends as [`FAILS`] says.
fn run_with(notifiers: &str, args: &[&str]) -> Test {
    Test::on(FAILS, &ARGS[..3])
        .args(&ARGS[5..])
        .args(args)
        .file("runbooks/runbook.yaml", format!("notifiers:\n{notifiers}"))
}

/// What is said of notifiers, a line each.
fn said(finished: &Finished) -> Vec<&str> {
    finished.stderr.lines().filter(|line| line.contains("notif")).collect()
}

fn hook(service: &Service, more: &str) -> String {
    format!("  ops: {{webhook: 'http://{}/hook'{more}}}\n", service.address())
}

fn takes_it() -> Service {
    Service::start(|_| Reply::Status(202, ""))
}

#[test]
fn a_command_and_a_webhook_are_told_what_happened_and_whom_to_tell() {
    let service = takes_it();
    let notifiers = format!(
        "{}  page: {{command: 'cat >told.json'}}\n",
        hook(&service, ", secret: {variable: HOOK_SECRET}")
    );
    let front = "---\nparameters:\n  api_token: {secret: true}\n---\n";
    let run = Test::on(&format!("{front}{DOCUMENT}"), &["exec", "Engine Restart Failed", "--unattended"])
        .args(&["--verify-timeout", "100ms"])
        .env("RUNBOOK_PARAM_API_TOKEN", "s3cr3t-value-0123456789")
        .env("HOOK_SECRET", "key-of-the-hook")
        .file("runbooks/runbook.yaml", format!("notifiers:\n{notifiers}"))
        .run()
        .exit(1)
        .never_says("key-of-the-hook")
        .leaves_nothing();
    let mut lines = said(&run);
    lines.sort_unstable();
    assert_eq!(
        lines,
        ["notified `ops`: HTTP 202, 1 attempt", "notified `page`: the command took it, 1 attempt"]
    );
    let received = service.received();
    let [request] = received.as_slice() else { panic!("one request: {received:?}") };
    assert_eq!(service.requests(), ["POST /hook"]);
    assert_eq!(request.header("content-type"), Some("application/json"));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"key-of-the-hook").expect("any key will do");
    mac.update(request.body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(request.header("x-runbook-signature"), Some(format!("sha256={hex}").as_str()));
    // Both got the same, the command in the folder of the file.
    assert_eq!(run.test.read("runbooks/told.json"), request.body);
    let payload: Value = serde_json::from_str(&request.body).expect("is JSON");
    assert_eq!(payload["reason"], "failed");
    assert_eq!((&payload["exit"], &payload["outcome"]), (&json!(1), &json!("failed")));
    assert_eq!(payload["parameters"], json!({"api_token": "******"}));
    let row =
        json!({"severity": "P0 (Critical)", "response": "Immediate", "people": "On-call engineer + CTO"});
    assert_eq!(payload["escalation"], json!({"fits": true, "rows": [&row]}));
    // What came of it is on record, beside a journal that is what it was at the end of the run.
    let test = run.test.again(&["verify", "last"]).run().exit(0).says("is intact").test;
    let test = test
        .again(&["report", "last", "--format", "md"])
        .run()
        .exit(0)
        .says("notifier ops: delivered, HTTP 202, 1 attempt\n")
        .says("notifier page: delivered, the command took it, 1 attempt\n")
        .test;
    let report = test.again(&["report", "last"]).run().exit(0);
    let report = report.says("notifier ops: delivered, HTTP 202, 1 attempt\n");
    let report = report.says("  P0 (Critical): Immediate, On-call engineer + CTO\n");
    let report = report.test.again(&["report", "last", "--format", "json"]).run().exit(0).json();
    assert_eq!(report["escalation"], json!({"reason": "failed", "fits": true, "rows": [row]}));
    let mut told: Vec<&Value> =
        report["notifications"].as_array().into_iter().flatten().map(|it| &it["result"]).collect();
    told.sort_by_key(|result| result.as_str());
    let command = "delivered, the command took it, 1 attempt";
    assert_eq!(told, [&json!("delivered, HTTP 202, 1 attempt"), &json!(command)]);
}

#[test]
fn a_receiver_that_fails_and_hangs_and_then_recovers_is_told() {
    let count = AtomicUsize::new(0);
    let service = Service::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Status(503, "later"),
        1 => Reply::Hang,
        _ => Reply::Status(200, "ok"),
    });
    let run = run_with(&hook(&service, ", timeout: 1s, retries: [1ms, 2ms, 4ms]"), &[])
        .run()
        .exit(1)
        .leaves_nothing();
    assert_eq!(said(&run), ["notified `ops`: HTTP 200, 3 attempts"]);
    let received = service.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.body == received[0].body), "{received:?}");
}

#[test]
fn who_cannot_be_told_is_named_with_the_reason_and_changes_no_exit_code() {
    let refuses = Service::start(|_| Reply::Status(404, ""));
    let moved = Service::start(|_| Reply::Status(302, ""));
    let fails = Service::start(|_| Reply::Status(500, ""));
    let hangs = Service::start(|_| Reply::Hang);
    let nowhere = Service::nowhere();
    let url = |service: &Service| format!("webhook: 'http://{}/'", service.address());
    for (notifier, why) in [
        (url(&refuses), "HTTP 404, 1 attempt"),
        (url(&moved), "HTTP 302, 1 attempt"),
        (format!("{}, retries: [1ms, 1ms]", url(&fails)), "HTTP 500, 3 attempts"),
        (format!("webhook: 'http://{nowhere}/', retries: [1ms]"), "connection refused, 2 attempts"),
        (format!("{}, timeout: 10ms, retries: [1ms]", url(&hangs)), "no answer within 10 ms, 2 attempts"),
        (format!("{}, within: 20ms", url(&hangs)), "no answer within 20 ms, 1 attempt"),
        (
            "command: 'echo sent; echo no route >&2; exit 3'".to_owned(),
            "the command failed with status 3: no route, 1 attempt",
        ),
        ("command: 'exit 3', retries: [1ms]".to_owned(), "the command failed with status 3, 2 attempts"),
        ("command: 'sleep 600 & wait', timeout: 10ms".to_owned(), "no answer within 10 ms, 1 attempt"),
        ("webhook_from: {variable: NOT_SET}".to_owned(), "the variable `NOT_SET` is not set"),
        ("webhook_from: {file: none}".to_owned(), "the file `none` cannot be read: entity not found"),
        ("webhook_from: {file: empty}".to_owned(), "the file `empty` is empty"),
        ("webhook_from: {file: binary}".to_owned(), "the file `binary` is not UTF-8 text"),
        ("webhook_from: {variable: HOME}".to_owned(), "the variable `HOME` holds no http or https address"),
        (format!("{}, secret: {{variable: NOT_SET}}", url(&refuses)), "the variable `NOT_SET` is not set"),
    ] {
        let run = run_with(&format!("  ops: {{{notifier}}}\n"), &[])
            .file("runbooks/empty", "\n")
            .file("runbooks/binary", [0xff])
            .run()
            .exit(1)
            .leaves_nothing();
        let said: Vec<&str> = run.stderr.split_whitespace().collect();
        assert_eq!(said.join(" "), format!("warning: could not notify `ops`: {why}"), "{notifier}");
        let test = run.test.again(&["report", "last"]).run().exit(0).test;
        let recorded = test.again(&["report", "last", "--format", "md"]).run().exit(0);
        recorded.says("notifier ops: not delivered: ");
    }
    assert_eq!(refuses.requests().len(), 1);
    assert_eq!(moved.requests().len(), 1);
}

#[test]
fn a_run_that_needs_nobody_tells_nobody() {
    let service = takes_it();
    let notifiers = hook(&service, "");
    let met = FAILS.replace("1 ms", "2 minutes");
    let run = Test::on(&met, &ARGS[..3])
        .file("well", "")
        .file("runbooks/runbook.yaml", format!("notifiers:\n{notifiers}"))
        .run()
        .exit(0);
    assert_eq!(said(&run), Vec::<&str>::new());
    // One that was verified too late does.
    let missed = run_with(&notifiers, &[]).file("well", "").run().exit(4);
    assert_eq!(said(&missed), ["notified `ops`: HTTP 202, 1 attempt"]);
    let bodies: Vec<Value> =
        service.received().iter().map(|it| serde_json::from_str(&it.body).expect("is JSON")).collect();
    assert_eq!(bodies.iter().map(|it| &it["reason"]).collect::<Vec<_>>(), ["target_missed"]);
    assert_eq!(bodies[0]["escalation"], json!({"fits": false, "rows": []}));
}

#[test]
fn a_test_of_the_document_tells_nobody() {
    let notifiers = "  page: {command: 'touch told'}\n";
    let test = run_with(notifiers, &[]).again(&["test", "doc.md"]);
    let run = test.run().exit(1);
    assert_eq!(said(&run), Vec::<&str>::new());
    assert!(!run.test.path("runbooks/told").exists());
}

#[test]
fn what_is_wrong_with_the_notifiers_is_said_before_the_run_and_stops_nothing() {
    let run = run_with("  ops: {webhook: 'http://x/', secret: hunter2}\n  b: {}\n", &[]).run().exit(1);
    let run = run
        .says(
            "error: `secret` of notifier `ops` does not say where it is kept\n  --> runbooks/runbook.yaml:2:3\nhint: ",
        )
        .never_says("hunter2")
        .says("hint: a secret never stands in this file: write {variable: NAME} or {file: PATH}\n")
        .says("error: notifier `b` needs one of `command`, `webhook`, `webhook_from`\n")
        .says("warning: nobody will be notified of this run\n");
    assert!(run.test.path("tried").exists(), "it ran");
    let checked = run.test.again(&["test", "--no-run", "doc.md"]).run().exit(3);
    checked.says("error: notifier `b` needs one of").says("without running anything: 1 error\n");
}

#[test]
fn an_address_that_is_a_secret_appears_nowhere_and_neither_does_what_a_command_must_not_know() {
    let service = takes_it();
    let secret = "s3cr3t-value-0123456789";
    let notifiers = "  chat: {webhook_from: {file: hook}}\n  \
                     spill: {command: 'env | grep RUNBOOK_ >names; echo $API_TOKEN; exit 1'}\n";
    let document = FAILS
        .replace("## Restart", "## Restart\n\nUses {api_token}.")
        .replace("touch tried;", "touch tried; : $API_TOKEN;");
    let front = "---\nparameters:\n  api_token: {secret: true}\n---\n";
    let run = Test::on(&format!("{front}{document}"), &ARGS[..3])
        .args(&ARGS[5..])
        .env("API_TOKEN", secret)
        .env("RUNBOOK_PARAM_OTHER", "x")
        .file("runbooks/hook", format!("http://{}/T0/{secret}\n", service.address()))
        .file("runbooks/runbook.yaml", format!("notifiers:\n{notifiers}"))
        .run()
        .exit(1)
        .never_says(secret)
        .says("warning: could not notify `spill`: the command failed with status 1: ******,")
        .says("notified `chat`: HTTP 202, 1 attempt");
    assert_eq!(service.requests(), [format!("POST /T0/{secret}")]);
    let names = run.test.read("runbooks/names");
    assert!(names.contains("RUNBOOK_DEPTH=1\n") && !names.contains("RUNBOOK_PARAM_"), "{names}");
    for path in crate::expected::files(&run.test.state(), "") {
        let bytes = std::fs::read(&path).expect("is ours");
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
    }
}

#[test]
fn ctrl_c_ends_the_wait_and_changes_nothing() {
    let service = Service::start(|_| Reply::Hang);
    let notifiers =
        format!("{}  page: {{command: 'sleep 600'}}\n", hook(&service, ", timeout: 100s, within: 100s"));
    let test = run_with(&notifiers, &[]);
    let mut terminal = OnTerminal::start(&test.command());
    terminal.wait_for("notifying `ops`, `page`: at most 1 min 40 s, Ctrl-C ends it");
    terminal.type_in("\u{3}");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("warning: could not notify `ops`: interrupted, 1 attempt"), "{screen}");
    assert!(screen.contains("warning: could not notify `page`: interrupted, 1 attempt"), "{screen}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
    test.again(&["report", "last"])
        .run()
        .exit(0)
        .says("notifier page: not delivered: interrupted, 1 attempt");
}

#[test]
fn a_terminal_that_is_closed_keeps_nobody_from_being_told() {
    let (answer, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let service = Service::start(move |_| {
        // Held back until the engine has been told that its terminal is gone.
        let _ = wait.lock().expect("only this thread has it").recv();
        Reply::Status(202, "")
    });
    let test = run_with(&hook(&service, ", timeout: 100s, within: 100s"), &[]);
    let running = test.spawn();
    while service.requests().is_empty() {
        std::thread::yield_now();
    }
    running.signal(nix::sys::signal::Signal::SIGHUP);
    answer.send(()).expect("the service waits");
    let (status, _, stderr) = running.finish(std::time::Duration::from_secs(60));
    assert_eq!(crate::harness::exit_code(status), 1);
    assert!(String::from_utf8_lossy(&stderr).contains("notified `ops`: HTTP 202, 1 attempt"), "{stderr:?}");
}

#[test]
fn a_closed_output_keeps_nobody_from_being_told() {
    let service = takes_it();
    let test = run_with(&hook(&service, ""), &["--detected-at", "1m"]).file("well", "");
    // The run itself is cut short by it, within a millisecond or not, and the target was missed all the same.
    let running = Running::start_with_closed_stdout(test.command());
    let (_, _, stderr) = running.finish(std::time::Duration::from_secs(60));
    assert!(String::from_utf8_lossy(&stderr).contains("notified `ops`: HTTP 202, 1 attempt"), "{stderr:?}");
    assert_eq!(service.requests(), ["POST /hook"]);
}

#[test]
fn a_resumed_run_that_fails_again_is_another_message() {
    let service = takes_it();
    let test = run_with(&hook(&service, ""), &[]).run().exit(1).test;
    let again = test.again(&["resume", "last", "--unattended", "--from", "1", "--verify-timeout", "100ms"]);
    assert_eq!(said(&again.run().exit(1)), ["notified `ops`: HTTP 202, 1 attempt"]);
    let ids: Vec<Value> = service
        .received()
        .iter()
        .map(|it| serde_json::from_str::<Value>(&it.body).expect("is JSON")["id"].clone())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

/// Makes an authority and a certificate of it for `localhost`, and answers POSTs with 202 over TLS.
const TLS_RECEIVER: &str = r#"
new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
$new -x509 -days 2 -subj "/CN=a test" -keyout ca.key -out ca.pem
$new -subj /CN=localhost -keyout leaf.key -out leaf.csr
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >extensions
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out leaf.pem
exec python3 -c '
import http.server, ssl
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("leaf.pem", "leaf.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"port={server.server_port}.", flush=True)
server.serve_forever()'
"#;

#[test]
fn a_webhook_over_tls_is_trusted_as_the_host_trusts_it() {
    let place = Test::new();
    let mut command = place.other("bash");
    command.args(["-ec", TLS_RECEIVER]);
    let mut receiver = Running::start(command, None);
    receiver.wait_for("port=");
    receiver.wait_for(".\n");
    let said = receiver.so_far();
    let port = said.split_once("port=").and_then(|(_, rest)| rest.split_once('.')).expect("was said").0;
    let notifiers = format!("  ops: {{webhook: 'https://localhost:{port}/', retries: []}}\n");
    let told = |authorities: &std::path::Path| {
        let run = run_with(&notifiers, &[]).env("SSL_CERT_FILE", authorities).run().exit(1);
        run.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(&place.path("ca.pem")), "notified `ops`: HTTP 202, 1 attempt");
    // One that is no authority of it.
    let other = place.path("leaf.pem");
    assert_eq!(
        told(&other),
        "warning: could not notify `ops`: invalid peer certificate: UnknownIssuer, 1 attempt"
    );
    let none = "warning: could not notify `ops`: this host trusts no certificate authority: install `ca-certificates`";
    assert_eq!(told(&place.path("extensions")), none);
    receiver.signal(nix::sys::signal::Signal::SIGTERM);
    receiver.finish(std::time::Duration::from_secs(60));
}
