package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

const (
	recordVersion = 1
	headerSize    = 5         // version byte and checksum
	schemaVersion = 3         // of the whole file: raised when an older program could not read it any more, or would take it for another thing
	sep           = byte(0)   // between a name and a number in a key
	idSize        = 8         // bytes of a number in a key
	schemaKey     = "schema"  // in bucket meta
	agentKey      = "agent"   // in bucket agent
	maxSetting    = 256 << 10 // bytes of one setting
)

// The buckets; the package comment says what is in them.
const (
	bucketMeta         = "meta"
	bucketRuns         = "runs"
	bucketOpen         = "open"
	bucketStackRuns    = "stack-runs"
	bucketStacks       = "stacks"
	bucketRepositories = "repositories"
	bucketAgent        = "agent"
	bucketEvents       = "events"
	bucketRunEvents    = "run-events"
	bucketOutbox       = "outbox"
	bucketOutboxKeys   = "outbox-keys"
	bucketThreads      = "threads"
	bucketTexts        = "texts"
	bucketSettings     = "settings"
)

// buckets lists every bucket that a store has.
func buckets() []string {
	return []string{
		bucketMeta, bucketRuns, bucketOpen, bucketStackRuns, bucketStacks, bucketRepositories, bucketAgent, bucketEvents,
		bucketRunEvents, bucketOutbox, bucketOutboxKeys, bucketThreads, bucketTexts, bucketSettings,
	}
}

// schema is the one record of bucket meta.
type schema struct {
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	// From is where bringing the store forward began, as long as that has not come to its end.
	From int `json:"from,omitempty"`
}

// seal puts version and checksum before a payload.
func seal(payload []byte) []byte {
	raw := make([]byte, headerSize, headerSize+len(payload))
	raw[0] = recordVersion
	binary.BigEndian.PutUint32(raw[1:], checksum(payload))
	return append(raw, payload...)
}

// unseal checks a stored value and returns its payload, which still lies in the memory of raw.
func unseal(raw []byte) ([]byte, error) {
	if len(raw) < headerSize {
		return nil, fmt.Errorf("%d bytes are too few for a record", len(raw))
	}
	if raw[0] != recordVersion {
		return nil, fmt.Errorf("unknown record version %d", raw[0])
	}
	payload := raw[headerSize:]
	if want, have := binary.BigEndian.Uint32(raw[1:]), checksum(payload); want != have {
		return nil, fmt.Errorf("checksum mismatch: stored %08x, computed %08x", want, have)
	}
	return payload, nil
}

func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

// number makes the key of a run or a sequence.
func number[T int | uint64](n T) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}

// numberOf reads the number at the end of a key.
func numberOf(key []byte) (uint64, error) {
	if len(key) < idSize {
		return 0, errors.New("the key holds no number")
	}
	return binary.BigEndian.Uint64(key[len(key)-idSize:]), nil
}

// namePrefix begins the keys of one stack in bucket stack-runs, and of one message key in outbox-keys.
func namePrefix(name string) []byte { return append([]byte(name), sep) }

// nameAndNumber is a key of those buckets: a run of a stack, a message with a key.
func nameAndNumber[T int | uint64](name string, n T) []byte {
	return append(namePrefix(name), number(n)...)
}

// runEvent is the key of one event in bucket run-events.
func runEvent(run int, seq uint64) []byte { return append(number(run), number(seq)...) }

// keyText shows a key to people: numbers as numbers, names quoted, anything else in hex.
func keyText(bucket string, key []byte) string {
	switch bucket {
	case bucketRuns, bucketOpen, bucketEvents, bucketOutbox, bucketThreads, bucketTexts:
		if len(key) == idSize {
			return strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
		}
		return hex.EncodeToString(key)
	case bucketStackRuns, bucketOutboxKeys:
		if name := len(key) - idSize; name > 0 {
			return fmt.Sprintf("%q %d", bytes.TrimSuffix(key[:name], []byte{sep}), binary.BigEndian.Uint64(key[name:]))
		}
		return hex.EncodeToString(key)
	case bucketRunEvents:
		if len(key) == 2*idSize {
			return fmt.Sprintf("%d %d", binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[idSize:]))
		}
		return hex.EncodeToString(key)
	default:
		return strconv.Quote(string(key))
	}
}
