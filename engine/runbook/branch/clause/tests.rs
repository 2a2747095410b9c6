//! Sentences of real runbooks, and what they say.

use super::*;

fn shown(text: &str) -> String {
    clause(text).map_or("none".into(), |clause| match clause.kind {
        Kind::SubjectFailed(words) => format!("fails({}) {}", words.join(" "), clause.text),
        kind => format!("{} {}", format!("{kind:?}").to_lowercase(), clause.text),
    })
}

#[test]
fn conditions_are_told_apart() {
    for (text, wanted) in [
        ("If persistent, activate kill switch:", "failed If persistent"),
        ("If it persists, press the kill switch:", "failed If it persists"),
        ("If this does not work, exec into each container", "failed If this does not work"),
        (
            "If that didn't work you can also remove files:",
            "state If that didn't work you can also remove files",
        ),
        ("If that didn't work, remove files:", "failed If that didn't work"),
        ("If this fails, we need to bypass git.", "failed If this fails"),
        ("If the problem still persists, call us", "failed If the problem still persists"),
        ("If none of the above work, reboot:", "failed If none of the above work"),
        ("If this works, go on:", "state If this works"),
        ("If auto-recovery fails, manual restart:", "fails(auto-recovery) If auto-recovery fails"),
        ("If the auto-recovery fails, restart the API:", "fails(auto-recovery) If the auto-recovery fails"),
        (
            "If the pipeline fails with the error `X`, execute:",
            "state If the pipeline fails with the error `X`",
        ),
        ("If latency persists, check:", "persists If latency persists"),
        ("If the node is unreachable:", "state If the node is unreachable"),
        ("If OOMKilled: Increase memory limits", "state If OOMKilled"),
        ("If schema mismatch then run:", "state If schema mismatch"),
        (
            "If there are no errors (see above, or below), retrieve the pvc",
            "state If there are no errors (see above, or below)",
        ),
        ("If the pod is stuck, it must be deleted. Run the following command:", "state If the pod is stuck"),
        ("Wait a minute. If it is down, start it:", "state If it is down"),
        ("a. If it is down, start it:", "state If it is down"),
        ("Then, if it is down, start it:", "state if it is down"),
        ("Is it up? If so, stop it:", "state Is it up? If so, stop it"),
        ("Otherwise, run:", "otherwise Otherwise"),
        ("If not, start it:", "otherwise If not"),
        ("Unless it is Monday, run:", "state Unless it is Monday"),
        ("Only if the disk is full: clean up", "state Only if the disk is full"),
        ("In case there is no upgrade going on, look:", "state In case there is no upgrade going on"),
        ("Alternatively, restart the node:", "state Alternatively, restart the node"),
        ("Or:", "state Or"),
        ("Option A: restart", "state Option A: restart"),
        ("Method 2", "state Method 2"),
        ("Options are below", "none"),
        ("Emergency manual stop:", "emergency Emergency manual stop"),
        ("Restart everything (last resort)", "emergency Restart everything (last resort)"),
        ("As a last resort, reboot:", "emergency As a last resort, reboot"),
        ("Delayed emergency stop", "none"),
        ("Emergencyroom", "none"),
        ("Check if the certificate exists and when it expires:", "none"),
        ("Verify that it works, and see if it is up:", "none"),
        ("Restart the pool if it is full:", "postposed if it is full"),
        ("Enable Circuit Breaker (if external service failing)", "postposed if external service failing"),
        ("Stale lease: If it exists, or if it is old, delete it:", "state If it exists"),
        ("Run this to restart it (it finds the pod; if you know it, name it):", "none"),
        ("Restart it if it is stuck, then wait:", "postposed if it is stuck"),
        ("If above steps do not work, reboot:", "failed If above steps do not work"),
        ("Look even if it works:", "none"),
        ("Restart the API", "none"),
        ("", "none"),
    ] {
        assert_eq!(shown(text), wanted, "{text:?}");
    }
}

#[test]
fn optional_steps_are_known_by_their_words() {
    for (text, wanted) in [
        ("Terminate long-running queries if safe:", Some("if safe")),
        ("If safe, repair the state:", Some("If safe")),
        ("Restart it if needed.", Some("if needed")),
        ("Scale up (if necessary):", Some("if necessary")),
        ("Scale up as needed", Some("as needed")),
        (
            "If you need to restart to apply the change, stop the VM",
            Some("If you need to restart to apply the change"),
        ),
        ("If you want more detail, run:", Some("If you want more detail")),
        ("Create the directory if it doesn't exist already:", Some("if it doesn't exist already")),
        ("Optional: clean up", Some("Optional")),
        ("Optionally, clean up:", Some("Optionally")),
        ("Clean up (optional)", Some("(optional)")),
        ("If the pod is stuck, restart it:", None),
        ("Check if it is safe", None),
        ("Restart it", None),
        ("", None),
    ] {
        assert_eq!(optional(text).as_deref(), wanted, "{text:?}");
    }
}
