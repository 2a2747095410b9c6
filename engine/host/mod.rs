//! The one door for side effects: processes, files, clock, environment; plus a fake of each.
