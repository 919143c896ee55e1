//! ICMP errors as an ordinary user gets them: from the error queue of a socket.
