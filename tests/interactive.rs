//! Steps that need the terminal: they get it, and the engine gets it back.

use crate::harness::{OnTerminal, Test};

const ASKS: &str = "# Ask\n\n1. Ask:\n   ```bash\n   read -r -p 'who? ' who\n   ```\n2. Go on:\n   ```bash\n   echo \"it was $who\"; [ -t 0 ] || echo no terminal\n   ```\n";

#[test]
fn a_step_that_asks_has_the_terminal_and_the_next_has_not() {
    let test = Test::on(ASKS, &["exec", "Ask", "--confirm", "never"]);
    let mut terminal = OnTerminal::start(&test.command());
    terminal.wait_for("read -r -p 'who? ' who\r\n");
    terminal.wait_for("who? ");
    terminal.type_in("me\n");
    terminal.wait_for("it was me");
    terminal.wait_for("no terminal");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("what it prints is not recorded"), "{said}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn ctrl_c_in_a_step_with_the_terminal_ends_that_step() {
    let test = Test::on(ASKS, &["exec", "Ask", "--confirm", "never"]);
    let mut terminal = OnTerminal::start(&test.command());
    terminal.wait_for("read -r -p 'who? ' who\r\n");
    terminal.wait_for("who? ");
    terminal.type_in("\u{3}");
    // State from before the step: nobody was named.
    terminal.wait_for("it was \r\n");
    let (code, said) = terminal.finish();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("signal 2"), "{said}");
    assert_eq!(test.leftovers(), Vec::<String>::new());
}

#[test]
fn without_a_terminal_it_needs_a_person() {
    let test = Test::on(
        "# Edit\n\n1. Edit:\n   ```bash\n   vi x\n   ```\n2. Go on:\n   ```bash\n   touch y\n   ```\n",
        &["exec", "Edit", "--no-preflight"],
    );
    test.run().exit(5).says("step 1 `Edit` needs a person").leaves_nothing();
}
