package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// File is a file that was uploaded.
type File struct {
	ID, Name, Title, Content string
	Channel, Thread          string // where it was shared; empty before that
	length                   int
	received                 bool
}

func (s api) uploadURL(p url.Values) result {
	if r := s.need("files:write"); r != nil {
		return r
	}
	length, err := strconv.Atoi(p.Get("length"))
	if p.Get("filename") == "" || err != nil || length <= 0 {
		return invalid("filename and a length above 0 are required")
	}
	s.serial++
	f := &File{ID: fmt.Sprintf("F%06d", s.serial), Name: p.Get("filename"), length: length}
	s.files[f.ID] = f
	address := s.url
	if s.behind != "" {
		address = s.behind
	}
	return result{"upload_url": address + "/upload/" + f.ID, "file_id": f.ID}
}

// receiveUpload takes the bytes of a file.
func (s api) receiveUpload(w http.ResponseWriter, r *http.Request) {
	content, err := uploadContent(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[strings.TrimPrefix(r.URL.Path, "/upload/")]
	answer := "ok"
	switch {
	case err != nil || f == nil:
		answer = "bad upload"
	case len(content) != f.length:
		answer = fmt.Sprintf("%d bytes instead of %d", len(content), f.length)
	default:
		f.Content, f.received = string(content), true
	}
	s.calls = append(s.calls, Call{Method: "upload", Answer: answer})
	s.tell()
	if answer != "ok" {
		http.Error(w, answer, http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, "OK - %d", len(content))
}

// uploadContent reads a multipart form's first file, or the whole body.
func uploadContent(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return io.ReadAll(r.Body)
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("reading the form: %w", err)
	}
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, fmt.Errorf("reading the form: %w", err)
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

func (s api) completeUpload(p url.Values) result {
	if r := s.need("files:write"); r != nil {
		return r
	}
	var files []struct{ ID, Title string }
	if err := json.Unmarshal([]byte(p.Get("files")), &files); err != nil || len(files) == 0 {
		return invalid("files has to be a list of id and title")
	}
	p.Set("channel", p.Get("channel_id"))
	c, r := s.writable(p)
	if r != nil {
		return r
	}
	thread := p.Get("thread_ts")
	if thread != "" && c.find(thread) == nil {
		return failure("invalid_thread_ts")
	}
	m := Message{
		Channel: c.ID, ThreadTS: thread, User: s.opts.BotUserID, BotID: s.opts.BotID, AppID: s.opts.AppID,
		Team: s.opts.TeamID, Subtype: "file_share", Text: p.Get("initial_comment"),
	}
	var shared []map[string]any
	for _, file := range files {
		f := s.files[file.ID]
		if f == nil || !f.received {
			return failure("file_not_found")
		}
		f.Title, f.Channel, f.Thread = file.Title, c.ID, thread
		m.Files = append(m.Files, *f)
		if s.opts.BareFiles {
			shared = append(shared, map[string]any{"id": f.ID, "title": f.Title})
			continue
		}
		answered := s.fileJSON(*f) // where it is shared is not known yet: that goes on after the answer
		answered["channels"], answered["groups"], answered["ims"], answered["shares"] = []string{}, []string{}, []string{}, map[string]any{}
		shared = append(shared, answered)
	}
	share := func() { s.store(c, m) }
	if s.opts.HoldFiles {
		s.held = append(s.held, share)
	} else {
		share()
	}
	return result{"files": shared}
}

// fileJSON is a file as Slack tells of it.
func (s api) fileJSON(f File) map[string]any {
	out := map[string]any{"id": f.ID, "name": f.Name, "title": f.Title, "size": len(f.Content)}
	if s.opts.BareFiles || f.ID == "" {
		return out
	}
	place := s.opts.TeamID + "-" + f.ID
	out["user"], out["user_team"], out["mode"], out["file_access"] = s.opts.BotUserID, s.opts.TeamID, "hosted", "visible"
	out["mimetype"], out["filetype"], out["pretty_type"], out["is_external"], out["is_public"] = "", "", "", false, false
	out["url_private"] = "https://files.slack.com/files-pri/" + place + "/" + url.PathEscape(f.Name)
	out["permalink"] = s.Permalink(f)
	out["permalink_public"] = "https://slack-files.com/" + place + "-0123456789"
	return out
}

// Permalink is the address of a file in a browser.
func (s *Server) Permalink(f File) string {
	return "https://" + s.opts.Team + ".slack.com/files/" + s.opts.BotUserID + "/" + f.ID + "/" + url.PathEscape(strings.ToLower(f.Name))
}

// ReleaseFiles lets the messages of files appear that [Options.HoldFiles] kept back.
func (s *Server) ReleaseFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, share := range s.held {
		share()
	}
	s.held = nil
	s.tell()
}

// Files are the files that were shared, in the order of their ids.
func (s *Server) Files() []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []File
	for i := 1; i <= s.serial; i++ {
		if f := s.files[fmt.Sprintf("F%06d", i)]; f != nil && f.Channel != "" {
			out = append(out, *f)
		}
	}
	return out
}
