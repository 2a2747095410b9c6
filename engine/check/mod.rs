//! Expectation + output → verdict. Runs nothing; it is given the output.
