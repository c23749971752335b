package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/hint"
)

// protocol says what is asked for when a channel is opened.
type protocol struct{ v2 bool }

// sshChannel is one run of git-upload-pack on the server. It owns the connection until done or fail.
type sshChannel struct {
	remote  *sshRemote
	conn    *sshConn
	channel ssh.Channel
	out     *bufio.Reader // unbuffered reads of packets would send a window update for each: 100 ms of CPU at 10,000 references
	ctx     context.Context
	unguard func() bool

	words chan string // the first line on the server's stderr, once; closed after it ended
}

// start opens the channel and runs the command, without waiting for the server's word on either request: a refused
// variable means the older protocol, a refused command means an end without output.
func (s *sshRemote) start(ctx context.Context, c *sshConn, p protocol) (*sshChannel, error) {
	stop := context.AfterFunc(ctx, c.Close)
	channel, requests, err := c.client.OpenChannel("session", nil)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("opening ssh channel: %w", err)
	}
	start(func() { ssh.DiscardRequests(requests) }, func(error) { c.Close() })
	if p.v2 {
		variable := ssh.Marshal(struct{ Name, Value string }{"GIT_PROTOCOL", "version=2"})
		if _, err := channel.SendRequest("env", false, variable); err != nil {
			return nil, fmt.Errorf("asking for protocol v2: %w", err)
		}
	}
	if _, err := channel.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{s.command()})); err != nil {
		return nil, fmt.Errorf("starting git-upload-pack: %w", err)
	}
	ch := &sshChannel{remote: s, conn: c, channel: channel, out: bufio.NewReaderSize(channel, 64<<10), words: make(chan string, 1)}
	start(ch.listen, func(error) { c.Close() }) // which is the fetch's or the poll's error
	return ch, nil
}

// listen reads the server's stderr to its end; unread it would fill the window and stop the pack.
func (c *sshChannel) listen() {
	defer close(c.words)
	var text strings.Builder
	b := make([]byte, 1024)
	for {
		n, err := c.channel.Stderr().Read(b)
		if text.Len() < 4096 {
			text.Write(b[:n])
		}
		if err != nil {
			c.words <- text.String()
			return
		}
	}
}

// done gives the connection back after the server has said everything.
func (c *sshChannel) done() error {
	_ = c.channel.Close()
	if !c.unguard() {
		return context.Cause(c.ctx)
	}
	c.remote.put(c.conn)
	return nil
}

// fail closes the connection and makes the best of an error: the server's own words on stderr, when it ended without
// an answer, say more than an unexpected EOF.
func (c *sshChannel) fail(err error) error {
	words := ""
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		select {
		case words = <-c.words:
		case <-time.After(time.Second):
		case <-c.ctx.Done():
		}
	}
	expired := !c.unguard()
	c.conn.Close()
	if expired {
		return context.Cause(c.ctx)
	}
	var line *pktline.ErrorLine
	if errors.As(err, &line) {
		words = line.Text
	}
	return stderrError(err, words)
}

// stderrError tells the servers' texts apart.
func stderrError(err error, words string) error {
	lower := strings.ToLower(words)
	for _, text := range []string{
		"repository not found", "does not appear to be a git repository", "no such repository", "repository does not exist",
		"the project you were looking for could not be found", "could not find repository",
	} {
		if strings.Contains(lower, text) {
			return ErrNotFound
		}
	}
	for _, text := range []string{"permission denied", "access denied", "denied by", "not authorized"} {
		if strings.Contains(lower, text) {
			return hint.With(fmt.Errorf("%w: %s", ErrAuth, firstLine(words)), "give the deploy key read access to the repository")
		}
	}
	if words = firstLine(words); words != "" {
		return fmt.Errorf("server says: %s", words)
	}
	return err
}

// firstLine returns the first line that says something, short and printable.
func firstLine(s string) string {
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0) {
				return -1
			}
			return c
		}, line))
		if line == "" || line == "remote:" || strings.Trim(line, "=") == "" {
			continue
		}
		return strings.ToValidUTF8(line[:min(len(line), 200)], "")
	}
	return ""
}

// sshSession is go-git's view of a channel, for a fetch in the older protocol.
type sshSession struct {
	channel *sshChannel
	packed  bool // a pack was asked for; the server ends by itself
}

// AdvertisedReferences implements transport.Session.
func (s *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(s.channel.ctx)
}

// AdvertisedReferencesContext implements transport.Session. The context is that of the channel.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	if err := adv.Decode(s.channel.out); err != nil {
		return nil, advertisementError(err)
	}
	if adv.IsEmpty() {
		return nil, ErrEmptyRepository
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// UploadPack implements transport.UploadPackSession. The context is that of the channel.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, fmt.Errorf("asking for a pack: %w", err)
	}
	s.packed = true
	w := s.channel.channel
	if err := req.UploadRequest.Encode(w); err != nil {
		return nil, fmt.Errorf("asking for a pack: %w", err)
	}
	if err := req.UploadHaves.Encode(w, true); err != nil {
		return nil, fmt.Errorf("saying what is here: %w", err)
	}
	if err := pktline.NewEncoder(w).EncodeString("done\n"); err != nil {
		return nil, fmt.Errorf("saying what is here: %w", err)
	}
	// "done" was the last word. A server with a small pack may have answered and closed the channel by now, and the end of what we
	// say then has no way to go any more. Where the connection is dead, the answer tells.
	_ = w.CloseWrite()
	answer := packp.NewUploadPackResponse(req)
	if err := answer.Decode(io.NopCloser(s.channel.out)); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return answer, nil
}

// Close implements io.Closer; the channel is closed by its owner.
func (s *sshSession) Close() error { return nil }

// finish ends a good session and gives the connection back.
func (s *sshSession) finish() error {
	if !s.packed {
		if _, err := s.channel.channel.Write(pktline.FlushPkt); err != nil {
			return err
		}
		_ = s.channel.channel.CloseWrite()
	}
	if _, err := io.Copy(io.Discard, s.channel.out); err != nil {
		return err
	}
	return s.channel.done()
}
