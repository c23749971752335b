package release

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/httpclient"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

// Proven is the version that the demo and the tests take where a machine has none: it is the one that they were written with.
const Proven = "1.11.4"

// Remedy is what people can do when [Cached] fails.
const Remedy = "put terraform on PATH (https://developer.hashicorp.com/terraform/install, or your distribution's package), or let this machine reach " + home + " once"

const (
	home = "https://releases.hashicorp.com"
	// fetchTimeout bounds a whole download.
	fetchTimeout = 10 * time.Minute
	// reachTimeout is how long a site may take to answer a person who waits.
	reachTimeout = 20 * time.Second
)

// Site is where releases come from. The zero value is HashiCorp's.
type Site struct {
	URL       string    // without a slash at its end
	PublicKey string    // armoured, of whoever signs the checksums
	Progress  io.Writer // is told of a download; nil: nobody watches
}

func (s Site) url() string {
	if s.URL == "" {
		return home
	}
	return s.URL
}

// Fetch downloads a version into dir, checks the signature and the checksum, and returns the path of the binary.
func (s Site) Fetch(ctx context.Context, v, dir string) (path string, err error) {
	parsed, err := version.NewVersion(v)
	if err != nil {
		return "", err
	}
	kept, err := os.Create(filepath.Join(dir, "archive"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, kept.Close(), os.Remove(kept.Name())) }()
	client := httpclient.New()
	client.Transport = watched{RoundTripper: client.Transport, keep: kept, out: s.Progress}
	source := &releases.ExactVersion{Product: product.Terraform, Version: parsed, InstallDir: dir, Timeout: fetchTimeout,
		ApiBaseURL: s.URL, ArmoredPublicKey: s.PublicKey, HTTPClient: client}
	var said steps
	source.SetLogger(log.New(&said, "", 0))
	path, err = source.Install(ctx)
	// hc-install 0.10.0 forgets the errors of everything from the download of the archive on: a checksum that is wrong, a
	// full disk. What it has unpacked is compared with the archive for that.
	if whole := unpacked(kept, path); path != "" && whole != nil || err != nil && errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the archive was refused, or not unpacked: %s", said.last())
	}
	return path, err
}

// unpacked reports whether a file is what an archive holds under its name.
func unpacked(archive *os.File, path string) error {
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(archive, info.Size())
	if err != nil {
		return err
	}
	want, err := z.Open(filepath.Base(path))
	if err != nil {
		return err
	}
	defer func() { _ = want.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, want); err != nil {
		return err
	}
	if got, err := digest(path); err != nil || got != hex.EncodeToString(sum.Sum(nil)) {
		return fmt.Errorf("%s is not what the archive holds: %w", path, err)
	}
	return nil
}

// steps are what hc-install says that it does, a line each.
type steps struct{ lines []string }

// Write implements [io.Writer].
func (s *steps) Write(line []byte) (int, error) {
	s.lines = append(s.lines, strings.TrimSpace(string(line)))
	return len(line), nil
}

// last is the step at which it ended, without those that come after a failure too.
func (s *steps) last() string {
	for _, line := range slices.Backward(s.lines) {
		if !strings.HasPrefix(line, "deleted unpacked archive") && !strings.HasPrefix(line, "changing perms") {
			return line
		}
	}
	return "for no reason that is known"
}

// Cached returns the binary of [Proven] in the user's cache directory, for people who have no terraform. It is downloaded
// there once; Progress is then told so. The error says what was tried, and [Remedy] what to do.
func Cached(ctx context.Context, s Site) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place to keep terraform in: %w", err)
	}
	dir := filepath.Join(cache, "sallyport", "terraform")
	path, err := Install(ctx, Options{Version: Proven, Dir: dir, Fetch: func(ctx context.Context, v, into string) (string, error) {
		if s.Progress != nil {
			_, _ = fmt.Fprintf(s.Progress, "terraform is not on PATH: downloading terraform %s from %s into %s, this once\n", v, s.url(), dir)
		}
		if err := s.reach(ctx, v); err != nil {
			return "", err
		}
		return s.Fetch(ctx, v, into)
	}})
	if err != nil {
		return "", fmt.Errorf("%w (tried: from %s into %s)", err, s.url(), dir)
	}
	return path, nil
}

// reach asks the site once. [Site.Fetch] tries again and again, which is right for an agent and too long for a person.
func (s Site) reach(ctx context.Context, v string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, s.url()+"/terraform/"+v+"/index.json", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// watched keeps a copy of an archive and tells how far its download is.
type watched struct {
	http.RoundTripper
	keep io.Writer
	out  io.Writer // may be nil
}

// RoundTrip implements [http.RoundTripper].
func (w watched) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasSuffix(req.URL.Path, ".zip") {
		return resp, err
	}
	if w.out != nil && resp.ContentLength > 0 {
		resp.Body = &progress{ReadCloser: resp.Body, total: resp.ContentLength, out: w.out}
		_, _ = fmt.Fprintf(w.out, "  %.1f MB:", float64(resp.ContentLength)/1e6)
	}
	resp.Body = copied{io.TeeReader(resp.Body, w.keep), resp.Body}
	return resp, nil
}

// copied is a body that is kept while it is read.
type copied struct {
	io.Reader
	io.Closer
}

// progress writes each tenth of a body that was read, all in one line, since it may not be a terminal that shows it.
type progress struct {
	io.ReadCloser
	total, read int64
	tenths      int64
	out         io.Writer
}

// Read implements [io.Reader].
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.read += int64(n)
	for p.tenths < 10 && p.tenths < 10*p.read/p.total {
		p.tenths++
		_, _ = fmt.Fprintf(p.out, " %d%%", 10*p.tenths)
	}
	return n, err
}

// Close implements [io.Closer].
func (p *progress) Close() error {
	_, _ = fmt.Fprintln(p.out)
	return p.ReadCloser.Close()
}
