//! Lists of files to cpio archives.
