package gittest

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// HTTPOptions say how a git server over http behaves.
type HTTPOptions struct {
	Plain bool   // http instead of https
	Token string // the password that is wanted; any user name will do. Empty: none is wanted
	OldV0 bool   // drops the Git-Protocol header, as some proxies do: no protocol v2
	// Before runs before each request; it returns false if it has answered itself.
	Before func(http.ResponseWriter, *http.Request) bool
}

// HTTP is a running git http-backend.
type HTTP struct {
	CAFile string // PEM of the authority of its certificate; "" over plain http
	Addr   string // host:port

	server   *httptest.Server
	requests atomic.Int64
	conns    atomic.Int64
}

// NewHTTP serves the bare repositories below root, read-only.
func NewHTTP(tb testing.TB, root string, o HTTPOptions) *HTTP {
	tb.Helper()
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		tb.Fatalf("finding git http-backend: %v", err)
	}
	h := &HTTP{}
	git := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
		InheritEnv: []string{"PATH"},
		Logger:     log.New(io.Discard, "", 0),
		Stderr:     io.Discard,
	}
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		if o.Before != nil && !o.Before(w, r) {
			return
		}
		if _, password, _ := r.BasicAuth(); o.Token != "" && password != o.Token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "Bad credentials", http.StatusUnauthorized)
			return
		}
		if o.OldV0 {
			r.Header.Del("Git-Protocol")
		}
		git.ServeHTTP(w, r)
	}))
	h.server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			h.conns.Add(1)
		}
	}
	tb.Cleanup(h.Stop)
	h.start(tb, o)
	return h
}

func (h *HTTP) start(tb testing.TB, o HTTPOptions) {
	tb.Helper()
	h.server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates and cut connections are what tests want
	if o.Plain {
		h.server.Start()
	} else {
		h.server.StartTLS()
		h.CAFile = filepath.Join(tb.TempDir(), "ca.pem")
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.server.Certificate().Raw})
		if err := os.WriteFile(h.CAFile, block, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	h.Addr = h.server.Listener.Addr().String()
}

// URL is the address of a repository: URL("infra.git").
func (h *HTTP) URL(name string) string { return h.server.URL + "/" + name }

// Requests is how many requests came.
func (h *HTTP) Requests() int { return int(h.requests.Load()) }

// Conns is how many connections were made.
func (h *HTTP) Conns() int { return int(h.conns.Load()) }

// CloseConns ends all connections, as a server does with idle ones.
func (h *HTTP) CloseConns() { h.server.CloseClientConnections() }

// Stop takes the server down; it may be called again.
func (h *HTTP) Stop() {
	h.server.CloseClientConnections()
	h.server.Close()
}
