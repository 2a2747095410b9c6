//! Events ↔ journal on disk, and verification of its chain. Decides nothing about a run.
