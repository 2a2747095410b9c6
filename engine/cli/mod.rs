//! clap arguments → settings → calls, one file per subcommand. The only module that knows clap.
