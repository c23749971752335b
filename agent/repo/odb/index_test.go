package odb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"

	"sallyport/agent/repo/odb"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entry is an object as an index knows it.
type entry struct {
	hash   plumbing.Hash
	offset int64
}

// written is an index that go-git has written, beside as much of a pack as belongs to it. It returns their names without the ending.
func written(t *testing.T, entries []entry) string {
	t.Helper()
	sum := plumbing.NewHash("00112233445566778899aabbccddeeff00112233")
	w := &idxfile.Writer{}
	must(t, w.OnHeader(uint32(len(entries))))
	for i, e := range entries {
		w.Add(e.hash, uint64(e.offset), uint32(i))
	}
	must(t, w.OnFooter(sum))
	index, err := w.Index()
	must(t, err)
	var b bytes.Buffer
	_, err = idxfile.NewEncoder(&b).Encode(index)
	must(t, err)
	base := filepath.Join(t.TempDir(), "pack-x")
	must(t, os.WriteFile(base+".idx", b.Bytes(), 0o600))
	must(t, os.WriteFile(base+".pack", append([]byte("PACK"), sum[:]...), 0o600))
	return base
}

// An index answers the same whether its names are spread evenly, as those of objects are, or were chosen to be close together.
func TestIndex(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	name := func(first, rest int) (h plumbing.Hash) {
		for i := range h {
			h[i] = byte(r.UintN(256))
		}
		if first >= 0 {
			h[0] = byte(first)
		}
		for i := 1; i < rest; i++ {
			h[i] = 0
		}
		return h
	}
	several := func(n int, f func(i int) entry) (all []entry) {
		for i := range n {
			all = append(all, f(i))
		}
		return all
	}
	for what, entries := range map[string][]entry{
		"nothing":              nil,
		"one":                  several(1, func(int) entry { return entry{name(-1, 0), 12} }),
		"few":                  several(100, func(i int) entry { return entry{name(-1, 0), int64(12 + i)} }),
		"many":                 several(30_000, func(i int) entry { return entry{name(-1, 0), int64(12 + 7*((i*7919)%30_000))} }),
		"one first byte":       several(5_000, func(i int) entry { return entry{name(0xff, 0), int64(12 + i)} }),
		"close together":       several(5_000, func(i int) entry { return entry{name(0x10, 6), int64(12 + i)} }),
		"beyond two gigabytes": several(3_000, func(i int) entry { return entry{name(-1, 0), 12 + int64(i)<<20} }),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			x, err := odb.OpenIndex(written(t, entries))
			must(t, err)
			defer x.Close()
			if n, err := x.Count(); err != nil || n != int64(len(entries)) {
				t.Errorf("counts %d objects, %v", n, err)
			}
			for i, e := range entries {
				offset, err := x.FindOffset(e.hash)
				if err != nil || offset != e.offset {
					t.Fatalf("object %d lies at %d, %v, instead of %d", i, offset, err, e.offset)
				}
				if crc, err := x.FindCRC32(e.hash); err != nil || crc != uint32(i) {
					t.Fatalf("object %d has the checksum %d, %v", i, crc, err)
				}
				if h, err := x.FindHash(e.offset); err != nil || h != e.hash {
					t.Fatalf("at %d lies %s, %v, instead of %s", e.offset, h, err, e.hash)
				}
			}
			for _, h := range []plumbing.Hash{{}, name(0x10, 6), name(0xff, 0), name(-1, 0)} {
				if _, err := x.FindOffset(h); !errors.Is(err, plumbing.ErrObjectNotFound) {
					t.Errorf("finds %s, which is not there: %v", h, err)
				}
				if there, err := x.Contains(h); there || err != nil {
					t.Errorf("holds %s, which is not there: %v", h, err)
				}
			}
			if _, err := x.FindHash(11); !errors.Is(err, plumbing.ErrObjectNotFound) {
				t.Errorf("something lies where nothing does: %v", err)
			}
		})
	}
}

// What is wrong with an index is said when it is opened.
func TestBrokenIndex(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]func(t *testing.T, index []byte, pack string) []byte{
		"empty":               func(_ *testing.T, _ []byte, _ string) []byte { return nil },
		"only its beginnings": func(_ *testing.T, b []byte, _ string) []byte { return b[:900] },
		"an end is missing":   func(_ *testing.T, b []byte, _ string) []byte { return b[:len(b)-1] },
		"an object too few":   func(_ *testing.T, b []byte, _ string) []byte { return b[:len(b)-28] },
		"out of order": func(_ *testing.T, b []byte, _ string) []byte {
			binary.BigEndian.PutUint32(b[8:], 1<<20)
			return b
		},
		"of another pack": func(t *testing.T, b []byte, pack string) []byte {
			must(t, os.WriteFile(pack, []byte("PACK, and whatever is in another one"), 0o600))
			return b
		},
		"the pack is empty": func(t *testing.T, b []byte, pack string) []byte {
			must(t, os.WriteFile(pack, nil, 0o600))
			return b
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			base := written(t, []entry{{plumbing.NewHash("01"), 12}, {plumbing.NewHash("02"), 30}})
			text, err := os.ReadFile(base + ".idx")
			must(t, err)
			must(t, os.WriteFile(base+".idx", harm(t, text, base+".pack"), 0o600))
			if _, err := odb.OpenIndex(base); !errors.Is(err, idxfile.ErrMalformedIdxFile) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
