package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// maxListBytes bounds what one listing of references may send: 250,000 references.
const maxListBytes = 16 << 20

// errNoV2 says that the answer is not one of protocol v2.
var errNoV2 = errors.New("server does not speak git protocol v2")

// RefList is what a server says about its references.
type RefList struct {
	Hashes map[string]plumbing.Hash
	head   string // the branch that HEAD names, in full: refs/heads/main; "" if unknown
}

// lsRefsRequest is the body that asks for all references that start with one of the prefixes.
func lsRefsRequest(prefixes []string) ([]byte, error) {
	var b bytes.Buffer
	e := pktline.NewEncoder(&b)
	if err := e.EncodeString("command=ls-refs\n", "agent=git/sallyport\n"); err != nil {
		return nil, fmt.Errorf("encoding request: %w", err)
	}
	b.WriteString("0001") // a delimiter, which go-git's encoder does not know
	if err := e.EncodeString("symrefs\n"); err != nil {
		return nil, fmt.Errorf("encoding request: %w", err)
	}
	for _, p := range prefixes {
		if err := e.EncodeString("ref-prefix " + p + "\n"); err != nil {
			return nil, fmt.Errorf("encoding request: %w", err)
		}
	}
	if err := e.Flush(); err != nil {
		return nil, fmt.Errorf("encoding request: %w", err)
	}
	return b.Bytes(), nil
}

// readLsRefs reads the answer up to its flush packet. Anything else than references is errNoV2, so that the caller can
// try the older protocol.
func readLsRefs(r io.Reader) (RefList, error) {
	list := RefList{Hashes: map[string]plumbing.Hash{}}
	s := pktline.NewScanner(r)
	for s.Scan() {
		line := strings.TrimSuffix(string(s.Bytes()), "\n")
		if line == "" {
			return list, nil
		}
		fields := strings.Split(line, " ")
		if len(fields) >= 2 && len(fields[0]) == 64 {
			return RefList{}, errSHA256
		}
		if len(fields) < 2 || !plumbing.IsHash(fields[0]) {
			return RefList{}, errNoV2
		}
		list.Hashes[fields[1]] = plumbing.NewHash(fields[0])
		for _, attr := range fields[2:] {
			if target, ok := strings.CutPrefix(attr, "symref-target:"); ok && fields[1] == "HEAD" {
				list.head = target
			}
		}
	}
	if err := s.Err(); err != nil && !errors.Is(err, pktline.ErrInvalidPktLen) {
		var line *pktline.ErrorLine
		if errors.As(err, &line) {
			return RefList{}, fmt.Errorf("%w: %w", errNoV2, err)
		}
		return RefList{}, err
	}
	return RefList{}, errNoV2
}

// readAdvertisement reads what a server sends first over a connection of its own: the capabilities of protocol v2, or
// at once all references of the older protocol. v2 says which.
func readAdvertisement(r *bufio.Reader) (list RefList, v2 bool, err error) {
	start, err := r.Peek(len("000eversion 2"))
	if err == nil && string(start[4:]) == "version 2" {
		s := pktline.NewScanner(r)
		for s.Scan() {
			if len(s.Bytes()) == 0 {
				return RefList{}, true, nil
			}
		}
		if s.Err() != nil {
			return RefList{}, true, s.Err()
		}
		return RefList{}, true, io.ErrUnexpectedEOF
	}
	adv := packp.NewAdvRefs()
	if err := adv.Decode(r); err != nil {
		return RefList{}, false, advertisementError(err)
	}
	return listOf(adv), false, nil
}

// advertisementError translates what go-git's decoder says.
func advertisementError(err error) error {
	if errors.Is(err, packp.ErrEmptyAdvRefs) {
		return ErrEmptyRepository
	}
	if errors.Is(err, packp.ErrEmptyInput) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// listOf turns the older protocol's list into ours.
func listOf(adv *packp.AdvRefs) RefList {
	list := RefList{Hashes: adv.References}
	for _, symref := range adv.Capabilities.Get("symref") {
		if target, ok := strings.CutPrefix(symref, "HEAD:"); ok {
			list.head = target
		}
	}
	if list.Hashes == nil {
		list.Hashes = map[string]plumbing.Hash{}
	}
	return list
}
