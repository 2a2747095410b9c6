//! LeviBot, the system that the runbooks operate, from outside: over HTTP, by its scripts, its `docker`,
//! its files and signals.
//!
//! What a test breaks it breaks as an outage would: it kills, stops, replaces and locks.

mod api;
mod audit;
mod data;
mod docker;
mod ending;
mod engines;
mod market;
mod scripts;
mod system;
