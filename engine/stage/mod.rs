//! A place to rehearse: sandbox, service, faults. It knows nothing of how a run decides.
