// Package transport reaches a repository where it is served: over https, over ssh, or on this disk.
//
// A [Remote] answers two questions, where branches are and what is below one, and does no more: what arrives goes through
// package pack into the mirror. Where branches are is asked with protocol v2's ls-refs for the few that matter, over a connection
// that is kept; go-git has no protocol v2 and would list every reference each time. Its older protocol is the fallback, which is
// remembered for an hour.
//
// An https Remote has a client of its own, with its own authorities. An ssh Remote has one connection, with host keys that are
// pinned and never taken on first use. A fetch ends with [ErrStalled] when no byte moves for too long.
//
// Errors say what happened in the server's words or in those of this machine. The sentence that people read, with what they can
// do, is made in package repo.
package transport
