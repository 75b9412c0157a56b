//! Sends events on to other systems.
