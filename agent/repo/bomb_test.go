package repo_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// bomb makes a pack of a few kilobytes: a file of zeros, and deltas each of which copies it so many times.
func bomb(tb testing.TB, zeros, copies, deltas int) []byte {
	tb.Helper()
	var b bytes.Buffer
	squeeze := func(content []byte) []byte {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, err := w.Write(content)
		must(tb, err)
		must(tb, w.Close())
		return z.Bytes()
	}
	entry := func(kind byte, size int, pointer, content []byte) {
		head := []byte{kind<<4 | byte(size&0x0f)}
		for rest := size >> 4; rest > 0; rest >>= 7 {
			head[len(head)-1] |= 0x80
			head = append(head, byte(rest&0x7f))
		}
		b.Write(head)
		b.Write(pointer)
		b.Write(content)
	}
	b.WriteString("PACK")
	must(tb, binary.Write(&b, binary.BigEndian, []uint32{2, uint32(1 + deltas)}))
	entry(3, zeros, nil, squeeze(make([]byte, zeros)))
	base := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", zeros), make([]byte, zeros)...))
	for i := range deltas {
		delta := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(zeros)), uint64(zeros*copies+8))
		for range copies {
			for at := 0; at < zeros; at += 0xffffff {
				n := min(zeros-at, 0xffffff)
				delta = append(delta, 0xff, byte(at), byte(at>>8), byte(at>>16), byte(at>>24), byte(n), byte(n>>8), byte(n>>16))
			}
		}
		delta = append(delta, 8)
		delta = append(delta, fmt.Sprintf("%08d", i)...)
		entry(7, len(delta), base[:], squeeze(delta))
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// wantSteady checks that this process has not grown by much while f ran, at its highest.
func wantSteady(tb testing.TB, f func()) {
	tb.Helper()
	peak := func() (kb int64) {
		for line := range strings.Lines(read(tb, "/proc/self/status")) {
			if text, is := strings.CutPrefix(line, "VmHWM:"); is {
				_, err := fmt.Sscan(text, &kb)
				must(tb, err)
			}
		}
		return kb
	}
	before := peak()
	f()
	if grown := (peak() - before) >> 10; grown > 200 {
		tb.Errorf("this process grew by %d MB", grown)
	}
}

// A few kilobytes from a server stand for gigabytes. They are refused before they are expanded, and not in this process.
func TestBombsAreRefused(t *testing.T) {
	need.OneGoroutine(t)
	for name, c := range map[string]struct {
		pack         []byte
		inText, hint string
	}{
		"one object of 1.6 GB":        {bomb(t, 1<<20, 1600, 1), "an object has 1600 MB, and max_object_size is 256 MB", "set max_object_size"},
		"1,100 objects of 8 MB":       {bomb(t, 8<<20, 1, 1100), "expand to more than 8 GB", "who may push"},
		"a size without end":          {[]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01" + strings.Repeat("\xbf", 30)), "", ""},
		"objects that are not there":  {[]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), "", ""},
		"an object that has no bytes": {[]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\xbf\xff\x1f"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := gittest.NewRepo(t, "", "infra")
			head := g.Commit("first", map[string]string{"a": "1"})
			h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true, Before: func(w http.ResponseWriter, r *http.Request) bool {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if !bytes.Contains(body, []byte("want ")) {
					return true
				}
				_, _ = io.WriteString(w, "0008NAK\n")
				for part := c.pack; len(part) > 0; {
					n := min(len(part), 60_000)
					_, _ = fmt.Fprintf(w, "%04x\x01%s", n+5, part[:n])
					part = part[n:]
				}
				_, _ = io.WriteString(w, "0000")
				return false
			}})
			o := repo.Options{URL: h.URL(g.Name), Dir: filepath.Join(t.TempDir(), "mirrors", "m.git")}
			r := open(t, o)
			wantSteady(t, func() {
				err := r.Fetch(t.Context(), head)
				wantError(t, err, nil, c.hint)
				if !strings.Contains(err.Error(), c.inText) {
					t.Errorf("error %q, want %q in it", err, c.inText)
				}
			})
			left, err := os.ReadDir(filepath.Dir(o.Dir))
			must(t, err)
			wantEqual(t, len(left), 0)
		})
	}
}

// An object over the limit is refused wherever it lies, and comes once the limit allows it.
func TestMaxObjectSize(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it moves tens of megabytes")
	for _, shape := range []string{"loose", "packed"} {
		g := gittest.NewRepo(t, "", "infra")
		first := g.Commit("first", map[string]string{"a": "1"})
		all := map[string]repo.Options{}
		for _, s := range servers() {
			if strings.Contains(s.name, "without v2") {
				continue
			}
			o := s.open(t, g)
			o.MaxObjectSize, o.Dir = 2<<20, filepath.Join(t.TempDir(), "mirrors", "m.git")
			must(t, open(t, o).Fetch(t.Context(), first))
			all[s.name] = o
		}
		head := g.Commit("big", map[string]string{"big": strings.Repeat("# large\n", 3<<17)})
		if shape == "packed" {
			g.GitBare("repack", "-adq")
			g.Git("repack", "-adq")
		}
		for name, o := range all {
			t.Run(name+" "+shape, func(t *testing.T) {
				t.Parallel()
				r := open(t, o)
				fresh := o
				fresh.Dir = filepath.Join(t.TempDir(), "mirrors", "m.git")
				for _, r := range []*repo.Repository{r, open(t, fresh)} {
					err := r.Fetch(t.Context(), head)
					wantError(t, err, repo.ErrTooLarge, "set max_object_size")
					if !strings.Contains(err.Error(), "an object has 3 MB, and max_object_size is 2 MB") {
						t.Errorf("got %v", err)
					}
				}
				if !r.Has(first) {
					t.Error("the mirror lost what it had")
				}
				o.MaxObjectSize = 4 << 20
				must(t, open(t, o).Fetch(t.Context(), head))
			})
		}
	}
}

// Whatever the process that unpacks dies of is the repository's error; this one lives on, and the next fetch works.
func TestUnpackingDies(t *testing.T) {
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true})
	for _, url := range []string{h.URL(g.Name), g.Bare} {
		for death, inLog := range map[string]string{"panic": "in a goroutine that nobody can catch", "killed": "signal: killed", "memory": "ended with exit status", "late": "exit status 66"} {
			t.Run(death+" "+url[:4], func(t *testing.T) {
				log := &bytes.Buffer{}
				o := repo.Options{URL: url, Dir: filepath.Join(t.TempDir(), "m.git"), Log: slog.New(slog.NewTextHandler(log, nil))}
				r := open(t, o)
				must(t, r.Fetch(t.Context(), first))
				next := g.Commit("next", map[string]string{"a": death + url})
				name := os.Args[0]
				os.Args[0] = death
				err := r.Fetch(t.Context(), next)
				os.Args[0] = name
				wantError(t, err, repo.ErrUnpack, "max_object_size")
				if !strings.Contains(log.String(), inLog) {
					t.Errorf("want %q in the log:\n%s", inLog, log)
				}
				wantNoLeftovers(t, o.Dir)
				must(t, r.Fetch(t.Context(), next))
				wantTidy(t, o.Dir)
			})
		}
	}
}
