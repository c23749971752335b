package standby

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// After so many entries, or bytes of them, the leader writes its whole store, and older entries go.
const (
	entriesPerCopy = 1000
	bytesPerCopy   = 8 << 20
)

// A meter counts what was written since the last whole copy, and rings when that is enough. It belongs to the store's one writer.
type meter struct {
	entries, bytes int
	full           chan struct{}
}

func newMeter() meter { return meter{full: make(chan struct{}, 1)} }

func (c *meter) add(bytes int) {
	c.entries++
	c.bytes += bytes
	if c.entries < entriesPerCopy && c.bytes < bytesPerCopy {
		return
	}
	select {
	case c.full <- struct{}{}:
		c.entries, c.bytes = 0, 0
	default: // the copy before is still being made
	}
}

// copies makes whole copies as long as the term lasts: one at its beginning if there is more log than that already. One that does not
// come about is made up for by the next.
func (t *Term) copies(ctx context.Context) {
	failing := false
	for due := t.behind(ctx); ; due = true {
		if due {
			err := t.copy(ctx)
			if err != nil && !failing && t.Why() == nil {
				t.m.o.Log.Warn("the store could not be copied to etcd; its log grows until the next time", "err", err)
			}
			failing = err != nil
		}
		select {
		case <-t.snapshot.full:
		case <-t.done:
			return
		case <-ctx.Done():
			return
		}
	}
}

// behind reports whether the leaders before left more log than one copy is made for.
func (t *Term) behind(ctx context.Context) bool {
	answer, err := within(ctx, t.m.call, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return t.m.client.Get(ctx, t.m.keys.Logs(), clientv3.WithPrefix(), clientv3.WithCountOnly())
	})
	return err == nil && answer.Count >= 2*entriesPerCopy
}

// A copied store is in etcd as soon as op is carried out, which makes its parts count.
type copied struct {
	number uint64
	op     clientv3.Op
}

// upload writes the whole store in parts.
func (t *Term) upload(ctx context.Context) (c copied, err error) {
	f, err := os.CreateTemp(filepath.Dir(t.m.o.Store.Path()), "copy-to-etcd-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil { // so that nothing is left of it, however this ends
		return c, err
	}
	head, err := t.m.o.Store.Dump(f)
	if err != nil {
		return c, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	list := manifest{Term: t.number}
	sum := sha256.New()
	buffer := make([]byte, partSize)
	for {
		n, err := io.ReadFull(f, buffer)
		if n == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return c, err
		}
		sum.Write(buffer[:n])
		if err := t.fenced(ctx, clientv3.OpPut(t.m.keys.Piece(head.Number, t.number, list.Parts), string(buffer[:n]))); err != nil {
			return c, fmt.Errorf("writing a part of a whole store: %w", err)
		}
		list.Parts++
	}
	list.Sum = hex.EncodeToString(sum.Sum(nil))
	raw, err := json.Marshal(list)
	return copied{number: head.Number, op: clientv3.OpPut(t.m.keys.Snapshot(head.Number), string(raw))}, err
}

// copy writes the whole store and takes away what nobody needs any more. The entries since the copy before stay: a follower that is a
// little behind goes on with them.
func (t *Term) copy(ctx context.Context) error {
	keys := t.m.keys
	before, _, err := t.m.newest(ctx)
	if err != nil {
		return err
	}
	c, err := t.upload(ctx)
	if err != nil {
		return err
	}
	if err := t.fenced(ctx, c.op); err != nil {
		return err
	}
	if before >= c.number {
		return nil
	}
	return t.fenced(ctx,
		clientv3.OpDelete(keys.Logs(), clientv3.WithRange(keys.Log(before+1))),
		clientv3.OpDelete(keys.Chunks(), clientv3.WithRange(keys.ChunksOf(before+1, 0))),
		clientv3.OpDelete(keys.Snapshots(), clientv3.WithRange(keys.Snapshot(c.number))),
		clientv3.OpDelete(keys.Pieces(), clientv3.WithRange(keys.PiecesOf(c.number, 0))),
	)
}

// newest finds the newest whole copy.
func (m *Member) newest(ctx context.Context) (number uint64, list manifest, err error) {
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return m.client.Get(ctx, m.keys.Snapshots(), append(clientv3.WithLastKey(), clientv3.WithPrefix())...)
	})
	if err != nil {
		return 0, list, fmt.Errorf("looking for a copy of the whole store: %w", err)
	}
	if len(answer.Kvs) == 0 {
		return 0, list, nil
	}
	if _, err := fmt.Sscanf(strings.TrimPrefix(string(answer.Kvs[0].Key), m.keys.Snapshots()), "%d", &number); err != nil {
		return 0, list, fmt.Errorf("reading the number of a copy of the whole store: %w", err)
	}
	if err := json.Unmarshal(answer.Kvs[0].Value, &list); err != nil {
		return 0, list, fmt.Errorf("reading which parts a copy of the whole store has: %w", err)
	}
	return number, list, nil
}

// load takes the newest whole copy in the place of what the store says, which has so many entries.
func (m *Member) load(ctx context.Context, have int64) error {
	number, list, err := m.newest(ctx)
	if err != nil {
		return err
	}
	if list.Parts == 0 || int64(number) <= have {
		return fmt.Errorf("the log in etcd does not hold entry %d, and no copy of the whole store is newer", have+1)
	}
	parts := &parts{m: m, ctx: ctx, number: number, list: list, sum: sha256.New()}
	if err := m.o.Store.Load(bufio.NewReader(parts)); err != nil {
		return fmt.Errorf("taking over the store as of entry %d: %w", number, err)
	}
	m.o.Log.Info("took over a copy of the whole store", "entry", number)
	return nil
}

// parts reads what was written in parts.
type parts struct {
	m      *Member
	ctx    context.Context //nolint:containedctx // a reader's methods are given none
	number uint64
	list   manifest
	next   int
	rest   []byte
	sum    hash.Hash
}

// Read implements io.Reader.
func (p *parts) Read(out []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.next == p.list.Parts {
			if hex.EncodeToString(p.sum.Sum(nil)) != p.list.Sum {
				return 0, errors.New("its parts are not those that were written")
			}
			return 0, io.EOF
		}
		part, err := p.m.get(p.ctx, p.m.keys.Piece(p.number, p.list.Term, p.next))
		if err != nil {
			return 0, err
		}
		p.next++
		p.rest = part
		p.sum.Write(part)
	}
	n := copy(out, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
