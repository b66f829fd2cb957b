//! Names that GRUB's own scripts look for.

/// Features that the scripts of GRUB's own tools ask for.
pub(super) const FEATURES: &[&str] = &[
    "feature_menuentry_id",
    "feature_menuentry_options",
    "feature_platform_search_hint",
    "feature_all_video_module",
    "feature_default_font_path",
    "feature_chainloader_bpb",
    "feature_nativedisk_cmd",
    "feature_timeout_style",
    "feature_200_final",
    "feature_ntldr",
];
