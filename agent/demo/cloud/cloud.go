// Package cloud is the cloud of the demo: a directory, and the terraform provider that makes things in it and sees when one is gone.
//
// # Why a provider of one's own
//
// Terraform's built-in resources know no drift: what vanishes behind terraform's back is noticed by providers alone, and those come
// from a registry, which a demo should not need. So this binary itself is one, for the length of the demo: [Cloud.Install] writes a
// mirror of providers whose only package is a script that starts this program with [Verb], and terraform starts that as it starts any
// provider. What plans and applies then say is terraform's own doing.
//
// It speaks terraform's plugin protocol, version 6, over net/http. HashiCorp's library for it would bring gRPC and protobuf and make
// the whole program two thirds bigger; all that is needed here are nine calls and values that are texts (see wire.go).
//
// # What it may do
//
// It touches nothing but files of its own names in a directory that [New] has marked. It starts only with terraform's cookie and
// certificate in its environment, listens on a socket in that directory and answers nobody but who holds that certificate's key; and
// it ends with the connection.
package cloud

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// mark is the file that makes a directory a cloud, and held the one that keeps a node from ending its restart.
const (
	mark = ".sallyport-demo"
	held = ".held"
)

// A node takes so long to become another type, and no longer than the second even if it is held.
const (
	restart        = time.Second
	longestRestart = 2 * time.Minute
	lookAgain      = 20 * time.Millisecond
)

// The types of things.
const (
	Volume     = "cloud_volume"
	Node       = "cloud_node"
	Attachment = "cloud_attachment"
)

// identity is the attribute that the cloud decides.
const identity = "id"

// kind is a type of things.
type kind struct {
	prefix     string   // of identities
	attributes []string // all required, all text
	replaces   []string // those that only a new thing can have
}

func kinds() map[string]kind {
	return map[string]kind{
		Volume:     {prefix: "vol-", attributes: []string{"size", "encrypted"}, replaces: []string{"encrypted"}},
		Node:       {prefix: "i-", attributes: []string{"type", "private_ip"}, replaces: []string{"private_ip"}},
		Attachment: {prefix: "att-", attributes: []string{"node", "volume"}, replaces: []string{"node", "volume"}},
	}
}

// Cloud is a directory with one file for each thing that is up.
type Cloud struct{ dir string }

// thing is what such a file says.
type thing struct {
	Type       string            `json:"type"`
	Attributes map[string]string `json:"attributes"`
	Restarting bool              `json:"restarting,omitempty"`
}

// New makes a cloud with nothing in it. The directory must not exist.
func New(dir string) (Cloud, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Cloud{}, err
	}
	return Cloud{dir}, os.WriteFile(filepath.Join(dir, mark), nil, 0o600)
}

// open takes a directory that New has made.
func open(dir string) (Cloud, error) {
	if info, err := os.Lstat(filepath.Join(dir, mark)); err != nil || !info.Mode().IsRegular() {
		return Cloud{}, fmt.Errorf("%s is no cloud of a demo", dir)
	}
	return Cloud{dir}, nil
}

// IDs are the things of a type that are up.
func (c Cloud) IDs(kind string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(c.dir, kinds()[kind].prefix+"*.json"))
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(filepath.Base(name), ".json")
	}
	return names, nil
}

// LoseNode takes the node away, as nobody has ordered, and with it what attaches volumes to it. There must be one.
func (c Cloud) LoseNode() error {
	nodes, err1 := c.IDs(Node)
	attachments, err2 := c.IDs(Attachment)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(nodes) != 1 {
		return fmt.Errorf("the number of nodes is %d", len(nodes))
	}
	for _, id := range append(attachments, nodes...) {
		if err := os.Remove(c.file(id)); err != nil {
			return err
		}
	}
	return nil
}

// Hold lets no restart of a node end until release is called: what is to happen in the middle of one does, however busy the machine
// is. It may be called again.
func (c Cloud) Hold() (release func() error, err error) {
	file := filepath.Join(c.dir, held)
	release = func() error {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return release, os.WriteFile(file, nil, 0o600)
}

// Restarting reports whether a node is becoming another type.
func (c Cloud) Restarting() (bool, error) {
	ids, err := c.IDs(Node)
	for _, id := range ids {
		if t, err := c.read(id); err == nil && t.Restarting {
			return true, nil
		}
	}
	return false, err
}

// EndRestart ends the restart of a node whose provider has died: a cloud needs nobody for that.
func (c Cloud) EndRestart() error {
	ids, err := c.IDs(Node)
	for _, id := range ids {
		t, err := c.read(id)
		if err != nil {
			return err
		}
		t.Restarting = false
		if err := c.write(t); err != nil {
			return err
		}
	}
	return err
}

// Type is what a node is, or empty if there is none.
func (c Cloud) Type() (string, error) {
	ids, err := c.IDs(Node)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	t, err := c.read(ids[0])
	return t.Attributes["type"], err
}

// Store puts text on the volume, of which there must be one; whatever was there goes.
func (c Cloud) Store(text string) error {
	ids, err := c.IDs(Volume)
	if err != nil {
		return err
	}
	if len(ids) != 1 {
		return fmt.Errorf("the number of volumes is %d", len(ids))
	}
	return os.WriteFile(c.content(ids[0]), []byte(text), 0o600)
}

// Stored is what the volumes hold.
func (c Cloud) Stored() (string, error) {
	ids, err := c.IDs(Volume)
	var all strings.Builder
	for _, id := range ids {
		text, err := os.ReadFile(c.content(id))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		all.Write(text)
	}
	return all.String(), err
}

// Changes counts how often the cloud was told to change what was there.
func (c Cloud) Changes() (int, error) {
	log, err := os.ReadFile(filepath.Join(c.dir, "changes"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return strings.Count(string(log), "\n"), err
}

func (c Cloud) file(id string) string    { return filepath.Join(c.dir, id+".json") }
func (c Cloud) content(id string) string { return filepath.Join(c.dir, id+".content") }

func (c Cloud) read(id string) (thing, error) {
	data, err := os.ReadFile(c.file(id))
	if err != nil {
		return thing{}, err
	}
	var t thing
	return t, json.Unmarshal(data, &t)
}

func (c Cloud) write(t thing) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return renameio.WriteFile(c.file(t.Attributes[identity]), data, 0o600)
}

// look is what a thing is now; nil if it is gone.
func (c Cloud) look(name string, state object) (object, error) {
	id, err := named(name, state)
	if err != nil {
		return nil, err
	}
	t, err := c.read(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := object{}
	for attribute, v := range t.Attributes {
		now[attribute] = text(v)
	}
	return now, nil
}

// plan is what a thing will be, and which attributes make it another one.
func plan(name string, prior, proposed object) (planned object, replaces []string) {
	if prior == nil && proposed != nil {
		proposed = maps.Clone(proposed)
		proposed[identity] = value{unknown: true}
	}
	if prior == nil || proposed == nil {
		return proposed, nil
	}
	for _, attribute := range kinds()[name].replaces {
		if prior[attribute] != proposed[attribute] {
			replaces = append(replaces, attribute)
		}
	}
	return proposed, replaces
}

// apply makes a thing what was planned.
func (c Cloud) apply(name string, prior, planned object) (object, error) {
	if planned == nil {
		id, err := named(name, prior)
		if err != nil {
			return nil, err
		}
		for _, file := range []string{c.file(id), c.content(id)} {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		return nil, nil
	}
	made := maps.Clone(planned)
	if prior == nil {
		id := make([]byte, 4)
		if _, err := rand.Read(id); err != nil {
			return nil, err
		}
		made[identity] = text(kinds()[name].prefix + hex.EncodeToString(id))
	}
	if _, err := named(name, made); err != nil {
		return nil, err
	}
	t := thing{Type: name, Attributes: map[string]string{}}
	for attribute, v := range made {
		t.Attributes[attribute] = v.text
	}
	if prior != nil {
		if err := c.change(t); err != nil {
			return nil, err
		}
	}
	return made, c.write(t)
}

// change lets a thing restart as another type.
func (c Cloud) change(t thing) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "changes"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(log, t.Attributes[identity])
	if err := errors.Join(err, log.Close()); err != nil || t.Type != Node {
		return err
	}
	t.Restarting = true
	if err := c.write(t); err != nil {
		return err
	}
	time.Sleep(restart) // a cloud takes its time
	for began := time.Now(); time.Since(began) < longestRestart; time.Sleep(lookAgain) {
		if _, err := os.Stat(filepath.Join(c.dir, held)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return errors.New("the node does not end its restart")
}

// named is the identity of a thing, which is the name of a file: it has to look like one that apply has given.
func named(name string, state object) (string, error) {
	k, known := kinds()[name]
	id := state[identity].text
	number, cut := strings.CutPrefix(id, k.prefix)
	if _, err := hex.DecodeString(number); err != nil || !known || !cut || number == "" {
		return "", fmt.Errorf("%q is no id of a %s", id, name)
	}
	return id, nil
}

// schemas are the types as the protocol has them.
func schemas() map[string][]byte {
	all := map[string][]byte{}
	for name, k := range kinds() {
		block := attribute(nil, identity, isComputed)
		for _, a := range slices.Sorted(slices.Values(k.attributes)) {
			block = attribute(block, a, isRequired)
		}
		all[name] = schema(block)
	}
	return all
}
