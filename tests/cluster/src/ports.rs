//! Free ports of the loopback interface, from the kernel.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::ClusterError;

/// As many free ports as asked for, all different.
///
/// They are free when this returns; another process may take one before a component binds it, so
/// who starts a component tries again with others when it ends at once.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], ClusterError> {
    let taken = || -> io::Result<[u16; N]> {
        // All are held until all are known.
        let mut held = Vec::new();
        let mut ports = [0; N];
        for port in &mut ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            *port = listener.local_addr()?.port();
            held.push(listener);
        }
        Ok(ports)
    };
    taken().map_err(|source| ClusterError::Io {
        what: "127.0.0.1".into(),
        source,
    })
}
