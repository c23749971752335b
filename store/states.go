package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

func stackKey(key []byte, s *StackState) bool           { return string(key) == s.Name }
func repositoryKey(key []byte, r *RepositoryState) bool { return string(key) == r.Name }
func threadKey(key []byte, t *Thread) bool              { return bytes.Equal(key, number(t.Run)) }

// Stack returns what is remembered of a stack; of one that was never seen, only its name.
func (tx *Tx) Stack(name string) (*StackState, error) {
	if err := validName("stack", name); err != nil {
		return nil, err
	}
	s, err := read(tx, bucketStacks, []byte(name), stackKey)
	if err != nil {
		return nil, fmt.Errorf("reading stack %s: %w", name, err)
	}
	if s == nil {
		s = &StackState{Name: name}
	}
	return s, nil
}

// PutStack stores what is remembered of a stack. OpenRun and NewestRun belong to CreateRun and Transition: s gets what
// they wrote, so that a copy that was read before cannot undo them.
func (tx *Tx) PutStack(s *StackState) error {
	have, err := tx.Stack(s.Name)
	if err != nil {
		return fmt.Errorf("writing stack: %w", err)
	}
	s.OpenRun, s.NewestRun = have.OpenRun, have.NewestRun
	return tx.saveStack(s)
}

func (tx *Tx) saveStack(s *StackState) error {
	if err := tx.save(bucketStacks, []byte(s.Name), s); err != nil {
		return fmt.Errorf("writing stack %s: %w", s.Name, err)
	}
	return nil
}

// Stacks returns all stacks that were ever seen, by name, also those that left the configuration.
func (tx *Tx) Stacks() ([]*StackState, error) {
	out, err := readAll(tx, bucketStacks, span{}, stackKey)
	if err != nil {
		return nil, fmt.Errorf("reading stacks: %w", err)
	}
	return out, nil
}

// Repository returns what is remembered of a repository; of one that was never seen, only its name.
func (tx *Tx) Repository(name string) (*RepositoryState, error) {
	if err := validName("repository", name); err != nil {
		return nil, err
	}
	r, err := read(tx, bucketRepositories, []byte(name), repositoryKey)
	if err != nil {
		return nil, fmt.Errorf("reading repository %s: %w", name, err)
	}
	if r == nil {
		r = &RepositoryState{Name: name}
	}
	return r, nil
}

// PutRepository stores what is remembered of a repository.
func (tx *Tx) PutRepository(r *RepositoryState) error {
	if err := validName("repository", r.Name); err != nil {
		return fmt.Errorf("writing repository: %w", err)
	}
	if err := tx.save(bucketRepositories, []byte(r.Name), r); err != nil {
		return fmt.Errorf("writing repository %s: %w", r.Name, err)
	}
	return nil
}

// Repositories returns all repositories that were ever seen, by name.
func (tx *Tx) Repositories() ([]*RepositoryState, error) {
	out, err := readAll(tx, bucketRepositories, span{}, repositoryKey)
	if err != nil {
		return nil, fmt.Errorf("reading repositories: %w", err)
	}
	return out, nil
}

// Agent returns what is remembered of the agent itself; before the first PutAgent, a zero state.
func (tx *Tx) Agent() (*AgentState, error) {
	a := &AgentState{}
	if _, err := tx.load(bucketAgent, []byte(agentKey), a); err != nil {
		return nil, fmt.Errorf("reading the agent's state: %w", err)
	}
	return a, nil
}

// PutAgent stores what is remembered of the agent itself.
func (tx *Tx) PutAgent(a *AgentState) error {
	if err := tx.save(bucketAgent, []byte(agentKey), a); err != nil {
		return fmt.Errorf("writing the agent's state: %w", err)
	}
	return nil
}

// Thread returns how far a run's thread was read, or ErrNotFound.
func (tx *Tx) Thread(run int) (*Thread, error) {
	t, err := read(tx, bucketThreads, number(run), threadKey)
	if err != nil {
		return nil, fmt.Errorf("reading the thread of run #%d: %w", run, err)
	}
	if t == nil {
		return nil, fmt.Errorf("thread of run #%d: %w", run, ErrNotFound)
	}
	return t, nil
}

// PutThread stores how far a run's thread was read.
func (tx *Tx) PutThread(t *Thread) error {
	if t.Run <= 0 {
		return errors.New("writing thread: it has no run")
	}
	if err := tx.save(bucketThreads, number(t.Run), t); err != nil {
		return fmt.Errorf("writing the thread of run #%d: %w", t.Run, err)
	}
	return nil
}

// Threads returns all threads, by run.
func (tx *Tx) Threads() ([]*Thread, error) {
	out, err := readAll(tx, bucketThreads, span{}, threadKey)
	if err != nil {
		return nil, fmt.Errorf("reading threads: %w", err)
	}
	return out, nil
}

// DeleteThread forgets a thread. One that is gone already is no error.
func (tx *Tx) DeleteThread(run int) error {
	if err := tx.remove(bucketThreads, number(run)); err != nil {
		return fmt.Errorf("deleting the thread of run #%d: %w", run, err)
	}
	return nil
}

// Setting reads a small record of the caller's into v, a pointer for encoding/json, and says whether there is one.
func (tx *Tx) Setting(key string, v any) (bool, error) {
	payload, err := tx.payload(bucketSettings, []byte(key))
	if err != nil {
		return false, fmt.Errorf("reading setting %s: %w", key, err)
	}
	if payload == nil {
		return false, nil
	}
	// The checksum is right, so it is the caller's type that does not fit: not damage.
	if err := json.Unmarshal(payload, v); err != nil {
		return false, fmt.Errorf("reading setting %s: %w", key, err)
	}
	return true, nil
}

// PutSetting stores a small record of the caller's as JSON, 256 KiB at most; nil deletes it. Times in it are stored as
// they are.
func (tx *Tx) PutSetting(key string, v any) error {
	if err := validName("setting", key); err != nil {
		return fmt.Errorf("writing setting: %w", err)
	}
	var err error
	if v == nil {
		err = tx.remove(bucketSettings, []byte(key))
	} else {
		err = tx.putSetting(key, v)
	}
	if err != nil {
		return fmt.Errorf("writing setting %s: %w", key, err)
	}
	return nil
}

func (tx *Tx) putSetting(key string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(payload) > maxSetting {
		return fmt.Errorf("%d bytes: %w", len(payload), ErrTooLarge)
	}
	return tx.put(bucketSettings, []byte(key), payload)
}

// TakeOver makes what is remembered of another name of the stack that of this one: what was applied, and what that left. The other
// name keeps nothing of it but its runs, which are this one's history too.
func (s *StackState) TakeOver(old *StackState) {
	mine := *s
	*s = *old
	s.Name, s.Repository, s.Dir, s.Workspace, s.Engine = mine.Name, mine.Repository, mine.Dir, mine.Workspace, mine.Engine
	s.OpenRun, s.NewestRun, s.Paused, s.Occupied = mine.OpenRun, mine.NewestRun, mine.Paused, mine.Occupied
	s.Error, s.Behind, s.BehindBy, s.BehindSince = mine.Error, mine.Behind, mine.BehindBy, mine.BehindSince
	s.Planning, s.Unseen = mine.Planning, mine.Unseen
	s.Formerly = append(append([]string{}, old.Formerly...), old.Name)
	*old = StackState{
		Name: old.Name, Repository: old.Repository, Dir: old.Dir, Workspace: old.Workspace, Engine: old.Engine, OpenRun: old.OpenRun, NewestRun: old.NewestRun,
		Paused: old.Paused, Planning: old.Planning, Unseen: old.Unseen,
	}
}
