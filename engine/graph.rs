//! The step DAG: cycles and ready set. Generic and pure; it knows nothing of steps.
