//! Links, addresses, routes, nf_tables over netlink.
