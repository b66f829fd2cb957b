//! Builds images.
