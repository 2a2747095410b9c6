//! A project with a small stage without LeviBot: a site that is up, and a fault that is a file.

use super::Test;

/// What `runbook.yaml` says of it.
const STAGE: &str = "procedures: [site.md]
stage:
  workdir: ../site
  service: echo serving; touch up; exec sleep 600
  ready: test -e up
faults:
  broken:
    procedures: [Site Down]
    inject: touch broken
    symptom: test -e broken
    revert: rm -f broken
    passes_when: test ! -e broken
";

/// A project with that stage and `document`: `faults` are added to its own, then `changes` made to all of it.
pub(crate) fn site(document: &str, faults: &str, changes: &[(&str, &str)]) -> Test {
    let mut yaml = format!("{STAGE}{faults}");
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replace(from, to);
    }
    Test::new()
        .file("runbooks/runbook.yaml", yaml)
        .file("runbooks/site.md", document)
        .file("site/index.html", "hello")
}

/// The same change for a project with scenarios, in the directory of that name.
pub(crate) const WITH_SCENARIOS: (&str, &str) = ("stage:\n", "scenarios: [../scenarios]\nstage:\n");
