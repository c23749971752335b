package transport

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"golang.org/x/crypto/ssh"
)

// late is a channel whose owner is slow: it goes on after "done" when the server has closed the channel.
type late struct {
	ssh.Channel
	closed <-chan struct{}
}

func (l late) Write(b []byte) (int, error) {
	n, err := l.Channel.Write(b)
	if strings.HasSuffix(string(b), "done\n") {
		<-l.closed
	}
	return n, err
}

// A server that has answered and gone before we say that nothing more will come has answered all the same.
func TestServerIsQuick(t *testing.T) {
	t.Parallel()
	const pack = "PACK and what is in it"
	channel, requests := quickServer(t, "0008NAK\n"+pack)
	closed := make(chan struct{})
	go func() {
		ssh.DiscardRequests(requests) // ends when the channel is closed
		close(closed)
	}()
	if _, err := channel.SendRequest("exec", false, nil); err != nil {
		t.Fatal(err)
	}
	session := &sshSession{channel: &sshChannel{channel: late{channel, closed}, out: bufio.NewReader(channel)}}
	want := packp.NewUploadPackRequest()
	want.Wants = []plumbing.Hash{plumbing.NewHash(strings.Repeat("a", 40))}
	answer, err := session.UploadPack(context.Background(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(answer); err != nil || string(got) != pack {
		t.Errorf("%q, %v", got, err)
	}
	if err := channel.CloseWrite(); !errors.Is(err, io.EOF) {
		t.Errorf("the channel was not closed, so that this shows nothing: %v", err)
	}
}

// quickServer is an ssh server that answers "done" and closes the channel at once, and a channel to it.
func quickServer(t *testing.T, answer string) (ssh.Channel, <-chan *ssh.Request) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		o := &ssh.ServerConfig{NoClientAuth: true}
		o.AddHostKey(signer)
		_, channels, requests, err := ssh.NewServerConn(raw, o)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for offered := range channels {
			channel, requests, err := offered.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			for in := bufio.NewReader(channel); ; {
				if line, err := in.ReadString('\n'); err != nil || strings.HasSuffix(line, "done\n") {
					break
				}
			}
			_, _ = io.WriteString(channel, answer)
			_ = channel.Close()
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := ssh.NewClientConn(raw, "", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(conn, channels, requests)
	t.Cleanup(func() { _ = client.Close() })
	channel, requests, err := client.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	return channel, requests
}
