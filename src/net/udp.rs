//! UDP without privileges: datagrams out; answers, ICMP errors and silence back.
