package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/hclfile"
	"sallyport/agent/terraform/binary"
)

// Sources are where an init takes providers from. What one init was answered counts for another with the same sources only.
type Sources struct {
	Tool          binary.Tool
	CLIConfigFile string
}

// digest is the SHA-256 of them in hex; empty if they cannot be read.
func (s Sources) digest() string {
	text, err := os.ReadFile(s.CLIConfigFile)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", s.Tool.Path, s.Tool.Digest, text))
	return hex.EncodeToString(sum[:])
}

// answers are what inits were told of providers, so that it is asked, and a package downloaded, once for all stacks. Two questions come
// back with each stack:
//
//   - Which version is the newest that fits? Of a provider that no lock file pins. An answer that is younger than the wish for a plan
//     is what this plan would be told too.
//   - Is the package what the lock file means? Of a lock file without a checksum of unpacked packages for this machine, which terraform
//     can answer with the archive alone. For the same entry the answer stays the same.
//
// They are in memory: nothing that code of the repository's writes becomes one later. A package of the store that is not what an answer
// says is refused by terraform, and fetched anew.
type answers struct {
	mu    sync.Mutex
	known map[string]answer
}

// answer is an entry of a lock file as terraform has written it.
type answer struct {
	head, entry string    // head: what stands before the first entry
	asked       time.Time // before terraform was
}

const (
	maxAnswers = 2000
	// freshFor is how long the newest version counts as such for runs that were made before it was asked for and still wait.
	freshFor = 10 * time.Minute
)

// recall is the lock file with what is known already; nil if that adds nothing.
func (k *answers) recall(in *Init, lock []byte, n needs) []byte {
	head, entries, err := splitLock(lock)
	sources := in.Sources.digest()
	if err != nil || sources == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	added := false
	for address, entry := range entries {
		if a, found := k.known[entryQuestion(sources, entry)]; found {
			entries[address], added = a.entry, true
		}
	}
	if !n.remote && !n.unread { // what a module from elsewhere wants of a provider is not known before it is there
		for address, constraints := range n.providers {
			a, found := k.known[newestQuestion(sources, address, constraints)]
			if _, pinned := entries[address]; pinned || !found || !a.fresh(in.Asked, in.Now()) {
				continue
			}
			if entries[address] = a.entry; lock == nil {
				head = a.head
			}
			added = true
		}
	}
	if !added {
		return nil
	}
	return joinLock(head, entries)
}

// fresh says whether an answer is as good as asking again for a plan that was wished for at that time.
func (a answer) fresh(wished, now time.Time) bool {
	age := now.Sub(a.asked)
	return !a.asked.Before(wished) && age >= 0 && age < freshFor
}

// learn takes in what an init has made of a lock file.
func (k *answers) learn(in *Init, before, after []byte, n needs, asked time.Time) {
	_, old, err := splitLock(before)
	if err != nil {
		return
	}
	head, entries, err := splitLock(after)
	sources := in.Sources.digest()
	if err != nil || sources == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) > maxAnswers {
		k.known = map[string]answer{}
	}
	for address, entry := range entries {
		a := answer{head: head, entry: entry, asked: asked}
		constraints, wanted := n.providers[address]
		switch was, pinned := old[address]; {
		case pinned && was != entry:
			k.known[entryQuestion(sources, was)] = a
		case !pinned && wanted && !n.remote && !n.unread:
			k.known[newestQuestion(sources, address, constraints)] = a
		}
	}
}

func entryQuestion(sources, entry string) string { return "entry\x00" + sources + "\x00" + entry }

func newestQuestion(sources, address string, constraints map[string]bool) string {
	return strings.Join(append([]string{"newest", sources, address}, slices.Sorted(maps.Keys(constraints))...), "\x00")
}

// splitLock cuts a lock file into what stands before its first entry, and its entries by provider.
func splitLock(lock []byte) (head string, entries map[string]string, err error) {
	entries = map[string]string{}
	if lock == nil {
		return "", entries, nil
	}
	locked, err := parseLock(lock)
	if err != nil {
		return "", nil, err
	}
	file, _ := hclfile.Parse(lock, LockFile) // as parseLock has
	body, native := file.Body.(*hclsyntax.Body)
	if !native || len(body.Attributes) > 0 || len(locked) != len(body.Blocks) {
		return "", nil, fmt.Errorf("the lock file has more in it than one entry for each provider")
	}
	for n, block := range body.Blocks {
		at := block.Range()
		if n == 0 {
			head = string(lock[:at.Start.Byte])
		}
		entries[block.Labels[0]] = string(at.SliceBytes(lock))
	}
	return head, entries, nil
}

// joinLock is the lock file that terraform would write.
func joinLock(head string, entries map[string]string) []byte {
	var ordered []string
	for _, address := range slices.Sorted(maps.Keys(entries)) {
		ordered = append(ordered, entries[address])
	}
	return []byte(head + strings.Join(ordered, "\n\n") + "\n")
}
