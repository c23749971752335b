package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/redact"
)

// UploadFile puts a text file into a thread, and returns its address in a browser, which is empty where Slack names none that can be
// one. It is not idempotent: after an unknown outcome, [Client.FindFile]. The message with the file may appear a moment later.
func (c *Client) UploadFile(ctx context.Context, f File) (link string, err error) {
	content := strings.ToValidUTF8(f.Content, "\uFFFD")
	if content == "" {
		content = "(empty)\n" // an empty file is refused
	}
	name := baseName(redact.CleanLine(f.Name))
	var target *slackapi.GetUploadURLExternalResponse
	_, err = c.call(ctx, methodUploadURL, func(ctx context.Context) (err error) {
		target, err = c.api.GetUploadURLExternalContext(ctx, slackapi.GetUploadURLExternalParameters{
			FileName: name, FileSize: len(content),
		})
		return err
	})
	if err != nil {
		return "", err
	}
	if _, err = c.call(ctx, methodUpload, func(ctx context.Context) error {
		return c.api.UploadToURL(ctx, slackapi.UploadToURLParameters{
			UploadURL: target.UploadURL, Content: content, Filename: name,
		})
	}); err != nil {
		return "", err
	}
	x, err := c.call(ctx, methodUploadShare, func(ctx context.Context) error {
		_, err := c.api.CompleteUploadExternalContext(ctx, slackapi.CompleteUploadExternalParameters{
			Files:   []slackapi.FileSummary{{ID: target.FileID, Title: redact.CleanLine(f.Title)}},
			Channel: f.Channel, ThreadTimestamp: f.Thread, InitialComment: escape(redact.Clean(f.Comment)),
		})
		return err
	})
	if err != nil {
		return "", err
	}
	return c.linkIn(x.Body, target.FileID), nil
}

// FindFile looks for a file that we put into a thread, and returns its address as [Client.UploadFile] does.
func (c *Client) FindFile(ctx context.Context, channel, thread, name string) (link string, found bool, err error) {
	name = baseName(redact.CleanLine(name))
	named := func(a Attached) bool { return a.Name == name }
	m, found, err := c.findMessage(ctx, channel, thread, "", func(m Message) bool { return slices.ContainsFunc(m.Files, named) })
	if !found || err != nil {
		return "", false, err
	}
	return c.fileLink(m.Files[slices.IndexFunc(m.Files, named)].Permalink), true, nil
}

// linkIn is the address of a file in the answer to an upload, which the library reads only the id and the title of. The file is
// there by now: whatever is odd about the rest of the answer is no error.
func (c *Client) linkIn(answer []byte, id string) string {
	var said struct {
		Files []json.RawMessage `json:"files"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return ""
	}
	for _, raw := range said.Files {
		var f struct {
			ID        string `json:"id"`
			Permalink string `json:"permalink"`
		}
		if json.Unmarshal(raw, &f) == nil && f.ID == id {
			return c.fileLink(f.Permalink)
		}
	}
	return ""
}

// fileLink is an address that Slack gave for a file, if it leads to Slack: to its own sites, or to the host of the API that was
// configured. Else it is empty: people click on what stands on a card that asks them.
func (c *Client) fileLink(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || !permalink().MatchString(raw) || u.User != nil {
		return ""
	}
	host := strings.ToLower(u.Host) // with a port, which Slack's own have not
	if api, err := url.Parse(c.opts.APIURL); err == nil && host == strings.ToLower(api.Host) {
		return raw
	}
	for _, own := range []string{".slack.com", ".slack-gov.com"} {
		if strings.HasSuffix("."+host, own) {
			return raw
		}
	}
	return ""
}
