package standby

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sallyport/agent/hint"
	"sallyport/store"
)

const (
	plain   = "\x00" // begins the value of an entry that lies in it
	inParts = "\x01" // begins that of an entry whose parts are named by it

	partSize  = 512 << 10 // etcd refuses requests of more than 1.5 MiB
	largest   = 1 << 20   // of an entry that goes into one request
	perAnswer = 16        // entries that are asked for at a time
)

// anew is how a life goes on whose members do not agree any more.
const anew = "If what this store says is what counts: stop all agents, run `sallyport lead --leave` here, move the other agents' stores aside, " +
	"give all of them a new prefix, and start this one first"

// headText is the value of the key "head". It says who wrote the entry as well, by its hash: no two entries have the same.
func headText(at store.Head) (string, error) {
	raw, err := json.Marshal(at)
	return string(raw), err
}

// manifest says which parts something large has.
type manifest struct {
	Term  int64  `json:"term"`
	Parts int    `json:"parts"`
	Sum   string `json:"sha256"`
}

// catchUp repeats what the log holds and the store has not, up to what was seen. It refuses a store that cannot have the same past.
func (m *Member) catchUp(ctx context.Context, now sight) error {
	have, err := m.o.Store.Head()
	if err != nil {
		return err
	}
	if now.life == "" {
		if have.Number > 0 {
			return hint.With(fmt.Errorf("%w: the prefix %s is empty, and the store has %d entries of life %s", ErrForeign, m.o.Etcd.Prefix, have.Number, have.Life),
				"is it the right prefix, and the right cluster? Was etcd put back, or made anew? %s", anew)
		}
		return nil // the first leader's store will be what all begin with
	}
	if have.Life != now.life {
		if blank, err := m.o.Store.Blank(); err != nil || !blank {
			return errors.Join(err, m.foreign(have, now))
		}
		if err := m.load(ctx, -1); err != nil {
			return err
		}
		if have, err = m.o.Store.Head(); err != nil {
			return err
		}
	}
	for have.Number < now.head.Number {
		if err := m.repeat(ctx, have.Number, now.head.Number); err != nil {
			return err
		}
		if have, err = m.o.Store.Head(); err != nil {
			return err
		}
	}
	if have != now.head {
		return m.ahead(have, now)
	}
	return nil
}

func (m *Member) foreign(have store.Head, now sight) error {
	err := fmt.Errorf("%w: the store has a past of its own", ErrForeign)
	if have.Life != "" {
		err = fmt.Errorf("%w: the store is of life %s, and the prefix %s holds life %s", ErrForeign, have.Life, m.o.Etcd.Prefix, now.life)
	}
	return hint.With(err, "is it the right prefix? If what this store says is not wanted any more, stop this agent and move %s aside: it then takes what the others have", m.o.Store.Path())
}

func (m *Member) ahead(have store.Head, now sight) error {
	err := fmt.Errorf("%w: the store has %d entries, and etcd %d", ErrAhead, have.Number, now.head.Number)
	if have.Number <= now.head.Number {
		err = fmt.Errorf("%w: entry %d is another one there", ErrAhead, have.Number)
	}
	return hint.With(err, "was etcd put back to an older backup? Put a newer one back. %s", anew)
}

// repeat applies some entries after the first n; a whole store, where the log does not hold the next any more.
func (m *Member) repeat(ctx context.Context, n, last uint64) error {
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return m.client.Get(ctx, m.keys.Log(n+1), clientv3.WithRange(m.keys.Log(last+1)), clientv3.WithLimit(perAnswer))
	})
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if len(answer.Kvs) == 0 || string(answer.Kvs[0].Key) != m.keys.Log(n+1) {
		return m.load(ctx, int64(n))
	}
	for _, kv := range answer.Kvs {
		n++
		if string(kv.Key) != m.keys.Log(n) {
			return fmt.Errorf("reading the log: entry %d is missing", n)
		}
		entry, err := m.unpack(ctx, string(kv.Value), n)
		if err != nil {
			return fmt.Errorf("reading entry %d of the log: %w", n, err)
		}
		if err := m.o.Store.Apply(entry); errors.Is(err, store.ErrSkipped) {
			return hint.With(fmt.Errorf("%w: %w", ErrAhead, err), "was etcd put back to an older backup? Put a newer one back. %s", anew)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// pack makes the value of an entry. A large one is written in parts first, which nobody reads before the entry names them.
func (t *Term) pack(ctx context.Context, entry []byte, number uint64) (string, error) {
	if len(entry) <= largest {
		return plain + string(entry), nil
	}
	sum := sha256.Sum256(entry)
	list := manifest{Term: t.number, Sum: hex.EncodeToString(sum[:])}
	for ; len(entry) > 0; list.Parts++ {
		part := entry[:min(len(entry), partSize)]
		if err := t.fenced(ctx, clientv3.OpPut(t.m.keys.Chunk(number, t.number, list.Parts), string(part))); err != nil {
			return "", fmt.Errorf("writing a part of a large entry: %w", err)
		}
		entry = entry[len(part):]
	}
	raw, err := json.Marshal(list)
	return inParts + string(raw), err
}

// unpack is the opposite.
func (m *Member) unpack(ctx context.Context, value string, number uint64) ([]byte, error) {
	if entry, ok := strings.CutPrefix(value, plain); ok {
		return []byte(entry), nil
	}
	var list manifest
	text, ok := strings.CutPrefix(value, inParts)
	if !ok {
		return nil, errors.New("it is of a kind that this version does not know")
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	var entry []byte
	for i := range list.Parts {
		part, err := m.get(ctx, m.keys.Chunk(number, list.Term, i))
		if err != nil {
			return nil, err
		}
		entry = append(entry, part...)
	}
	if sum := sha256.Sum256(entry); hex.EncodeToString(sum[:]) != list.Sum {
		return nil, errors.New("its parts are not those that were written")
	}
	return entry, nil
}

// get reads one key, which must be there.
func (m *Member) get(ctx context.Context, key string) ([]byte, error) {
	answer, err := within(ctx, m.call, func(ctx context.Context) (*clientv3.GetResponse, error) { return m.client.Get(ctx, key) })
	if err != nil {
		return nil, err
	}
	if len(answer.Kvs) == 0 {
		return nil, fmt.Errorf("%s is missing", key)
	}
	return answer.Kvs[0].Value, nil
}
