//! Carries a plan out: the pure machine decides, the session is the shell, the local driver acts.
