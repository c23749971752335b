// Package web reads the web block of the configuration: where the agent shows its pages.
package web

import (
	"path/filepath"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
)

// maxPath is the longest path, in bytes, that the kernel binds a unix socket to, less what the agent needs while it makes one.
const maxPath = 107 - len("/.s0123456789/s")

// Web says where pages are shown.
type Web struct {
	Socket string // absolute; never that of the command line
}

// Read reads the web block; nil without one. control is the socket of the command line: who may look at the pages could decide, if they
// were shown there.
func Read(l *decode.Reader, b *hcl.Block, control string) *Web {
	if b == nil {
		return nil
	}
	a := l.Block(b, shape.Web())
	w := &Web{}
	l.String(a, "socket", &w.Socket)
	switch {
	case !filepath.IsAbs(w.Socket) || filepath.Clean(w.Socket) == "/":
		l.Fault(a.At("socket"), "Invalid path", "socket must be an absolute path below the root directory, not %q.", w.Socket)
	case len(filepath.Clean(w.Socket)) > maxPath:
		l.Fault(a.At("socket"), "Invalid path", "The path of a unix socket has at most %d bytes here, this one has %d.", maxPath, len(filepath.Clean(w.Socket)))
	case filepath.Clean(w.Socket) == control:
		l.Fault(a.At("socket"), "Socket taken", "The command line finds the agent at %s, where decisions are taken; pages need a socket of their own.", control)
	}
	w.Socket = filepath.Clean(w.Socket)
	return w
}
