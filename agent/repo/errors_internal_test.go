package repo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/hint"
	"sallyport/agent/repo/transport"
)

// What a server does when it ends, or a firewall between, depends on the moment; each way says what to look at.
func TestHintsOfBrokenConnections(t *testing.T) {
	t.Parallel()
	broken := func(call string, cause syscall.Errno) error {
		return &url.Error{Op: "Get", URL: "https://git.example/infra.git", Err: &net.OpError{Op: call, Net: "tcp", Err: &os.SyscallError{Syscall: call, Err: cause}}}
	}
	const reach = "git.example is up and can be reached from this machine"
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"refused", broken("connect", syscall.ECONNREFUSED), reach},
		{"no way there", broken("connect", syscall.EHOSTUNREACH), reach},
		{"reset", broken("read", syscall.ECONNRESET), reach},
		{"closed while it was written to", broken("write", syscall.EPIPE), reach},
		{"closed before the answer", &url.Error{Op: "Get", URL: "https://git.example/infra.git", Err: io.EOF}, reach},
		{"an end in what was read", fmt.Errorf("reading the pack: %w", io.EOF), ""},
		{"full", broken("write", syscall.ENOSPC), "free space"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := report{address: transport.Address{Host: "git.example"}}.classifyNetwork(c.err)
			if got := hint.Of(err); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("the hint is %q, want %q in it", got, c.want)
			}
			if !errors.Is(err, c.err) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}
