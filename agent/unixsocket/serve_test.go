package unixsocket

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hang is for a test that hangs and for nothing else.
const hang = time.Minute

// serving answers at a socket until the test ends, or stop is called, which waits for the end and gives its error.
func serving(t *testing.T, o ServeOptions) (path string, stop func() error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Doing, o.Log = "answering", slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx, o) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return path, stop
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(hang)); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends one request and returns the status of the answer.
func ask(t *testing.T, c net.Conn, header string) int {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode
}

func TestServe(t *testing.T) {
	t.Run("an answer, and the socket is gone afterwards", func(t *testing.T) {
		path, stop := serving(t, ServeOptions{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })})
		if got := ask(t, dial(t, path), ""); got != http.StatusTeapot {
			t.Errorf("status %d", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("headers are bounded", func(t *testing.T) {
		path, _ := serving(t, ServeOptions{Handler: http.NotFoundHandler()})
		if got := ask(t, dial(t, path), "X: "+strings.Repeat("x", 8<<10)+"\r\n"); got != http.StatusNotFound {
			t.Errorf("8 KiB: status %d", got)
		}
		if got := ask(t, dial(t, path), "X: "+strings.Repeat("x", 2*maxHeader)+"\r\n"); got != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("too much: status %d", got)
		}
	})
	t.Run("connections are bounded, and those after them wait", func(t *testing.T) {
		path, _ := serving(t, ServeOptions{Handler: http.NotFoundHandler(), MaxConnections: 1})
		first := dial(t, path)
		ask(t, first, "") // accepted, and kept open
		second := dial(t, path)
		if _, err := fmt.Fprint(second, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		ask(t, first, "") // the one that is let in goes on; nobody has answered the other one
		if err := second.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if n, err := second.Read(make([]byte, 1)); err == nil {
			t.Fatalf("%d bytes of an answer, and there are two connections", n)
		}
		if err := second.SetReadDeadline(time.Now().Add(hang)); err != nil {
			t.Fatal(err)
		}
		_ = first.Close()
		if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
			t.Errorf("the first is gone, and the second gets no answer: %v", err)
		}
	})
	t.Run("a request ends with the server", func(t *testing.T) {
		waits := make(chan struct{})
		path, stop := serving(t, ServeOptions{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(waits)
			<-r.Context().Done()
		})})
		c := dial(t, path)
		if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-waits
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("nothing to answer with", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s.sock")
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Serve(t.Context(), ServeOptions{}); err == nil {
			t.Error("no error")
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("somebody closed it", func(t *testing.T) {
		l, err := Listen(filepath.Join(t.TempDir(), "s.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		err = l.Serve(t.Context(), ServeOptions{Doing: "answering", Handler: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "answering at ") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Lstat(l.path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
}

func TestAnswerBegins(t *testing.T) {
	tests := map[string]struct {
		do   func(*Answer)
		want bool
	}{
		"nothing yet":  {func(*Answer) {}, false},
		"headers only": {func(a *Answer) { a.Header().Set("X", "y") }, false},
		"a status":     {func(a *Answer) { a.WriteHeader(http.StatusOK) }, true},
		"bytes":        {func(a *Answer) { _, _ = a.Write([]byte("x")) }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := &Answer{ResponseWriter: nobody{}}
			if test.do(a); a.Begun != test.want {
				t.Errorf("begun: %t", a.Begun)
			}
		})
	}
}

// nobody reads an answer.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}
