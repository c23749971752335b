package socket

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/control"
)

// execProtocol is what the connection of an exec becomes: frames of one letter, the length in four bytes and the content.
const execProtocol = "sallyport-exec"

// The frames of an exec. The client sends the first three.
const (
	frameStdin     = 'i'
	frameStdinEnd  = 'e'
	frameInterrupt = 'c'
	frameStdout    = 'o'
	frameStderr    = 'r'
	frameExit      = 'x' // the exit code in decimal; the last one
	frameFault     = 'f' // an Error as JSON, in the place of an exit code
)

// maxFrame is the most that one frame holds.
const maxFrame = 64 << 10

// frames writes frames, one at a time.
type frames struct {
	mu sync.Mutex
	w  io.Writer
}

func (f *frames) write(kind byte, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(content)))
	_, err := f.w.Write(append(head, content...))
	return err
}

// stream is a writer of which everything becomes frames of a kind; failed is called when nobody takes them any more.
type stream struct {
	frames *frames
	kind   byte
	failed func()
}

func (s *stream) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		part := p[n:min(len(p), n+maxFrame)]
		if err := s.frames.write(s.kind, part); err != nil {
			s.failed()
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	content = make([]byte, n)
	_, err = io.ReadFull(r, content)
	return head[0], content, err
}

// exec turns the connection into the streams of a command. Its context ends when the client goes away.
func (s *Server) exec(w http.ResponseWriter, r *http.Request) {
	if err := s.allow(r); err != nil {
		s.fail(w, err)
		return
	}
	var q control.ExecRequest
	if err := decode(w, r, &q); err != nil {
		s.fail(w, err)
		return
	}
	q.By = callerFrom(r.Context())
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.fail(w, fmt.Errorf("taking the connection over: %w", err))
		return
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Time{}) // a person may think for a while
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+execProtocol+"\r\n\r\n"); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	in, typed := io.Pipe()
	defer func() { _ = in.Close() }()
	contain.Go("hearing the client of an exec", func(p *contain.Panic) { cancel(); s.logPanic(p) }, func() { hearClient(buffered.Reader, typed, cancel) })
	out := &frames{w: conn}
	var code int
	err = contain.Do("running a command for somebody", func() (err error) {
		code, err = s.opts.Operator.Exec(ctx, q, control.Streams{
			Stdin: in, Stdout: &stream{out, frameStdout, cancel}, Stderr: &stream{out, frameStderr, cancel},
		})
		return err
	})
	err = s.withoutPanic(err)
	if err != nil {
		told, jsonErr := json.Marshal(control.AsError(err))
		if jsonErr != nil {
			told = []byte(`{}`)
		}
		err = out.write(frameFault, told[:min(len(told), maxFrame)])
	} else {
		err = out.write(frameExit, []byte(strconv.Itoa(code)))
	}
	if err != nil {
		s.opts.Log.Debug("answering the command line", "err", err) // it went away
	}
}

// hearClient takes what the client sends until it goes away.
func hearClient(r io.Reader, stdin *io.PipeWriter, cancel context.CancelFunc) {
	defer cancel()
	defer func() { _ = stdin.Close() }()
	for {
		kind, content, err := readFrame(r)
		if err != nil {
			return
		}
		switch kind {
		case frameStdin:
			_, _ = stdin.Write(content) // a command that has ended reads no more
		case frameStdinEnd:
			_ = stdin.Close()
		case frameInterrupt:
			cancel()
		}
	}
}

// Exec implements [control.Operator]. When ctx ends the command is interrupted, and its end is still waited for.
func (c *Client) Exec(ctx context.Context, q control.ExecRequest, s control.Streams) (exitCode int, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return 0, fmt.Errorf("encoding the request: %w", err)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://sallyport/v1/exec", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("making the request: %w", err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", execProtocol)
	res, err := c.http.Do(r)
	if err != nil {
		return 0, c.received(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	conn, ok := res.Body.(io.ReadWriter)
	if res.StatusCode != http.StatusSwitchingProtocols || !ok {
		return 0, errorIn(res)
	}
	out := &frames{w: conn}
	defer context.AfterFunc(ctx, func() { _ = out.write(frameInterrupt, nil) })()
	go func() {
		// Ends with the input, or with the process: a read from a terminal cannot be given up.
		_, _ = io.Copy(&stream{out, frameStdin, func() {}}, s.Stdin)
		_ = out.write(frameStdinEnd, nil)
	}()
	return hearServer(bufio.NewReader(conn), s)
}

func hearServer(r io.Reader, s control.Streams) (exitCode int, err error) {
	for {
		kind, content, err := readFrame(r)
		if err != nil {
			return 0, control.Errorf(control.Internal, "the agent stopped in the middle of the command").WithHint("look at how far it came: sallyport status")
		}
		switch kind {
		case frameStdout:
			_, err = s.Stdout.Write(content)
		case frameStderr:
			_, err = s.Stderr.Write(content)
		case frameExit:
			return strconv.Atoi(string(content))
		case frameFault:
			var e control.Error
			if err := json.Unmarshal(content, &e); err != nil {
				return 0, errors.New("reading how the command ended: the agent's answer makes no sense")
			}
			return 0, &e
		}
		if err != nil {
			return 0, fmt.Errorf("printing: %w", err) // closing the connection interrupts the command
		}
	}
}
