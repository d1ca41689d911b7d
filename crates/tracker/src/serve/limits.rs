//! The bounds of one worker's turn and of its connections.

/// Packets of one system call.
pub(super) const BATCH_PACKETS: usize = 64;

/// Batches of one socket in a turn, so that a flood on one does not keep the others waiting.
pub(super) const BATCHES_A_TURN: usize = 4;

/// Connections accepted in a turn, for the same reason.
pub(super) const ACCEPTS_A_TURN: usize = 64;

/// Connections read before the first of them is answered, so that memory has time to fetch what their
/// answers are made of.
pub(super) const BATCH_CONNECTIONS: usize = 8;

/// A packet received: 74 infohashes of a scrape, or an announce with two full options of BEP 41.
pub(super) const PACKET_BYTES_MAX: usize = 1536;

/// Bytes read from a connection at once; a held-back beginning of a request comes before them.
pub(super) const READ_BYTES_MAX: usize = 16 * 1024;

/// Bytes of answers after which pipelined requests wait until they are sent.
pub(super) const PENDING_BYTES_MAX: usize = 64 * 1024;

/// Requests of one connection, so that clients spread over the workers anew now and then.
pub(super) const REQUESTS_A_CONNECTION_MAX: u32 = 1000;

/// From the first byte of a request, or the connection, to the end of its head.
pub(super) const HEAD_TIMEOUT_MS: u64 = 5_000;

/// Between a kept-alive connection's answer and its next request.
pub(super) const IDLE_TIMEOUT_MS: u64 = 10_000;

/// For a client to take some of an answer that did not fit its window.
pub(super) const SEND_TIMEOUT_MS: u64 = 10_000;

/// What comes in a burst of a second at full speed.
pub(super) const UDP_RECEIVE_BUFFER_BYTES: usize = 8 * 1024 * 1024;
pub(super) const UDP_SEND_BUFFER_BYTES: usize = 1024 * 1024;

/// Connections that the kernel holds for a worker; it takes what the system allows.
pub(super) const BACKLOG: i32 = 4096;

/// For how long the kernel waits for the first bytes of a connection before the worker is told.
pub(super) const DEFER_ACCEPT_S: i32 = 5;

/// Connections that wait for the web application to take them.
pub(super) const HANDOFFS_MAX: usize = 1024;

/// Between two looks at deadlines, and at what there is to sweep.
pub(super) const TICK_MS: u64 = 200;

/// Ticks in which the sweep goes over the whole store: once in two minutes.
pub(super) const TICKS_A_SWEEP: usize = 600;

/// Torrents and groups of peers that are swept before requests are answered again: some 15 us.
pub(super) const SWEEP_STEP: usize = 256;

/// Peers that a NAT check tries to reach at the same time.
pub(super) const NAT_CHECKS_AT_ONCE_MAX: usize = 128;

/// For a peer to answer a NAT check, from the first packet to its whole handshake.
pub(super) const NAT_CHECK_TIMEOUT_MS: u64 = 10_000;

/// Attempts to find one free number for all sockets that ask for any.
pub(super) const ANY_PORT_ATTEMPTS: usize = 16;
