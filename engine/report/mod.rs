//! Events, plans and listings → text for people and machines, one file per output form. Reporters only consume and write to a given writer.
