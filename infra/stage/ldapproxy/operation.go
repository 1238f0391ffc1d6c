package ldapproxy

import (
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Operation is a request that the directory answers.
type Operation struct {
	N       int64    // from 1
	Write   int64    // its number among those that change the directory; 0: it changes nothing
	Op      string   // bind | search | compare | extended, or a write: add | modify | delete | rename
	DN      string   // of the object, or of the user who signs in
	Attrs   []string // that a search asks for
	Remove  []string // values of member that a modify deletes
	Members int      // how many values of member a modify names
	Code    int64    // result; -1: not known
}

// kind names a request that is answered (RFC 4511 4.2 to 4.12), and the last
// message of its answer. Any other message stays what it is, without a name.
func kind(request ber.Tag) (name string, answer ber.Tag, writes bool) {
	switch request {
	case ldap.ApplicationBindRequest:
		return "bind", ldap.ApplicationBindResponse, false
	case ldap.ApplicationSearchRequest:
		return "search", ldap.ApplicationSearchResultDone, false
	case ldap.ApplicationCompareRequest:
		return "compare", ldap.ApplicationCompareResponse, false
	case ldap.ApplicationExtendedRequest:
		return "extended", ldap.ApplicationExtendedResponse, false
	case ldap.ApplicationAddRequest:
		return "add", ldap.ApplicationAddResponse, true
	case ldap.ApplicationModifyRequest:
		return "modify", ldap.ApplicationModifyResponse, true
	case ldap.ApplicationDelRequest:
		return "delete", ldap.ApplicationDelResponse, true
	case ldap.ApplicationModifyDNRequest:
		return "rename", ldap.ApplicationModifyDNResponse, true
	}
	return "", request, false
}

// entry says whether a message is a part of an answer with more to come.
func entry(message *ber.Packet) bool {
	return message.Tag == ldap.ApplicationSearchResultEntry || message.Tag == ldap.ApplicationSearchResultReference
}

// answer is a message that answers a request, or stands in for an answer.
func answer(id int64, tag ber.Tag, code int64) []byte {
	_, tag, _ = kind(tag)
	m := ber.NewSequence("LDAPMessage")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "messageID"))
	r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "response")
	r.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, "resultCode"))
	r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "matchedDN"))
	r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "injected", "diagnosticMessage"))
	m.AppendChild(r)
	return m.Bytes()
}

// note logs a request, if it is one that is answered.
func (p *Proxy) note(message *ber.Packet) (*Operation, bool) {
	name, _, writes := kind(message.Tag)
	if name == "" {
		return nil, false
	}
	o := &Operation{Op: name, DN: subject(message, name), Code: -1}
	if name == "search" && len(message.Children) > 7 { // RFC 4511 4.5.1: the last of a search
		for _, attr := range message.Children[7].Children {
			o.Attrs = append(o.Attrs, text(attr))
		}
	}
	if name == "modify" {
		for _, change := range message.Children[1].Children {
			o.change(change)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, o)
	o.N = int64(len(p.log))
	if writes {
		p.writes++
		o.Write = p.writes
	}
	return o, true
}

// subject is the DN that a request is about.
func subject(message *ber.Packet, name string) string {
	switch name {
	case "delete": // the request is the DN
		return message.Data.String()
	case "bind":
		return text(message.Children[1])
	case "extended":
		return ""
	}
	return text(message.Children[0])
}

// change notes what one change of a modify does to the members of a group.
func (o *Operation) change(change *ber.Packet) {
	kind, _ := change.Children[0].Value.(int64)
	attr := change.Children[1]
	if text(attr.Children[0]) != "member" {
		return
	}
	values := attr.Children[1].Children
	o.Members += len(values)
	if kind == ldap.AddAttribute {
		return
	}
	for _, v := range values {
		o.Remove = append(o.Remove, text(v))
	}
	if kind == ldap.ReplaceAttribute || len(values) == 0 {
		o.Remove = append(o.Remove, "all")
	}
}

// finish logs how an operation ended.
func (p *Proxy) finish(o *Operation, message *ber.Packet) Operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	o.Code, _ = message.Children[0].Value.(int64)
	return *o
}

func text(p *ber.Packet) string {
	if len(p.ByteValue) > 0 || p.Data == nil {
		return string(p.ByteValue)
	}
	return p.Data.String()
}
