"""Serves simulated devices on real wires: one thread, one loop, however many devices.

`Station` is a device with its wire faults; an `Endpoint` is one wire that leads to it (`TcpEndpoint`,
`UdpEndpoint`, `SerialLine`); a `Session` is one client on that wire. Another wire is one more class with the
methods of `Endpoint`: it calls `Station.received` and writes what its sessions are given.
"""
