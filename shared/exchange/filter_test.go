package exchange_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/exchange"
)

// team is a group as filters see it: description is known to be empty, department is not known.
func team() map[string][]string {
	return map[string][]string{
		"mailnickname": {"sales.team"}, "displayname": {"Sales, München"}, "cn": {"Vertrieb"}, "mail": {"sales@corp.example"}, "description": {},
		"proxyaddresses": {"SMTP:sales@corp.example", "smtp:verkauf@corp.example"}, "grouptype": {"-2147483640"},
		"msexchrecipientdisplaytype": {"1073741833"}, "msexchversion": {"44220983382016"}, "msexchhidefromaddresslists": {"FALSE"},
		"extensionattribute1": {"Straße"}, "extensionattribute2": {"A 1"}, "managedby": {"CN=Boss,DC=corp"},
	}
}

func of(attrs map[string][]string) func(string) ([]string, bool) {
	return func(name string) ([]string, bool) {
		values, known := attrs[name]
		return values, known
	}
}

// answer is yes, no, unknown, or broken.
func answer(filter string, attrs map[string][]string) string {
	f, err := exchange.ParseFilter(filter)
	if err != nil {
		return "broken"
	}
	switch match, known := f.Matches(of(attrs)); {
	case !known && match:
		return "a guess"
	case !known:
		return "unknown"
	case match:
		return "yes"
	}
	return "no"
}

func TestFilters(t *testing.T) {
	deep := strings.Repeat("(!", exchange.MaxDepth-1) + "(cn=*)" + strings.Repeat(")", exchange.MaxDepth-1)
	for filter, want := range map[string]string{
		// Lists of Exchange: All Distribution Lists, the global address list, one of 2003, All Users, All Contacts.
		"(&(mailNickname=*)(objectCategory=group))": "yes",
		"(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=msExchSystemMailbox)(objectClass=msExchDynamicDistributionList)(objectClass=group)(objectClass=publicFolder)))":                                                                                                              "yes",
		"(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*)))(&(objectCategory=person)(objectClass=contact))(objectCategory=group)(objectCategory=publicFolder) ))": "yes",
		"(&(mailNickname=*)(&(objectCategory=person)(objectClass=user)(department=Sales)))":                                              "no",
		"(&(mailNickname=*)(objectClass=contact))":                                                                                       "no",
		"(&(mailNickname=*)(!(msExchHideFromAddressLists=TRUE))(objectCategory=CN=Group,CN=Schema,CN=Configuration,DC=corp,DC=example))": "yes",

		// What a group is.
		"(objectClass=top)": "yes", "(objectClass=GROUP)": "yes", "(objectClass=*)": "yes", "(objectClass=user)": "no",
		"(objectClass=mailRecipient)": "unknown", "(objectClass=securityPrincipal)": "unknown", "(objectClass=corpGroup)": "unknown", "(objectClass=gr*)": "unknown",
		"(objectCategory=Person)": "no", "(objectCategory=*)": "yes", "(objectCategory=corpGroup)": "unknown", "(objectCategory=*Group*)": "unknown",
		"(objectCategory=cn=person,cn=schema,cn=configuration,dc=corp)": "no", "(objectCategory=CN=Group,OU=Fake,CN=Schema,CN=Configuration,DC=corp)": "unknown",

		// Texts: case makes no difference, marks perhaps.
		"(mailNickname=SALES.TEAM)": "yes", "(mailNickname=sales)": "no", "(MAILNICKNAME=sales.team)": "yes", "(mailNickname~=sales.team)": "yes",
		"(displayName=sales, münchen)": "yes", "(displayName=sales, munchen)": "unknown", "(displayName=sales, berlin)": "no", "(displayName=Ｓales, münchen)": "unknown",
		"(extensionAttribute1=strasse)": "unknown", "(extensionAttribute1=STRASSE*)": "unknown", "(extensionAttribute1=*aße)": "yes", "(mail=ß)": "unknown",
		"(proxyAddresses=smtp:VERKAUF@corp.example)": "yes", "(proxyAddresses=*@corp.example)": "yes", "(proxyAddresses=*@other.example)": "no",
		"(proxyAddresses=smtp:verkauf*sales*)": "no", "(cn=V*r*b)": "yes", "(cn=V*r*t)": "no", "(cn=*er*ie*)": "yes", "(cn=*ie*er*)": "no", "(cn=Ver*rtrieb)": "no", "(cn=**)": "yes",
		`(cn=\56ertrieb)`: "yes", `(cn=Vertrieb\2a)`: "no", `(cn=\ff)`: "unknown", "(cn=)": "unknown", "(cn= Vertrieb)": "unknown", "(cn=Vertrieb )": "unknown",
		"( cn =Vertrieb)": "yes", "(extensionAttribute2=A 1)": "yes",

		// Order: of letters and digits alone.
		"(cn>=vert)": "yes", "(cn<=VERT)": "no", "(cn>=W)": "no", "(mail>=a)": "unknown", "(cn>=ä)": "unknown", "(cn>=v*)": "unknown",

		// What is not there, and what nobody knows.
		"(description=*)": "no", "(description=x)": "no", "(!(description=x))": "yes", "(department=*)": "unknown", "(!(department=*))": "unknown",
		"(|(department=x)(cn=*))": "yes", "(&(department=x)(cn=*))": "unknown", "(&(department=x)(cn=y))": "no", "(|(department=x)(cn=y))": "unknown",
		"(managedBy=*)": "yes", "(managedBy=CN=Boss,DC=corp)": "unknown",

		// Numbers and words.
		"(groupType=-2147483640)": "yes", "(groupType=2147483656)": "unknown", "(groupType=8)": "no", "(groupType=x)": "unknown", "(groupType>=0)": "no", "(groupType<=0)": "yes", "(groupType=-2*)": "unknown",
		"(groupType:1.2.840.113556.1.4.803:=2147483648)": "yes", "(groupType:1.2.840.113556.1.4.803:=2147483658)": "no", "(groupType:1.2.840.113556.1.4.804:=2147483658)": "yes",
		"(groupType:1.2.840.113556.1.4.804:=6)": "no", "(groupType:1.2.840.113556.1.4.803:=8589934592)": "unknown", "(msExchVersion:1.2.840.113556.1.4.803:=44220983382016)": "yes",
		"(msExchVersion>=4535486012416)": "yes", "(msExchVersion<=4535486012416)": "no", "(cn:1.2.840.113556.1.4.803:=1)": "unknown",
		"(msExchHideFromAddressLists=FALSE)": "yes", "(msExchHideFromAddressLists=TRUE)": "no", "(msExchHideFromAddressLists=true)": "unknown",

		// What is well formed, and not evaluated.
		"(memberOf:1.2.840.113556.1.4.1941:=CN=x)": "unknown", "(cn:dn:=x)": "unknown", "(:caseExactMatch:=x)": "unknown", "(cn:=Vertrieb)": "unknown", "(2.5.4.3=Vertrieb)": "unknown", "(cn;lang-de=x)": "unknown",
		"(&)": "unknown", "(|)": "unknown", "(anr=x)": "unknown", "(extensionAttribute16=x)": "unknown", "(groupType:1.2.840.113556.1.4.803:>=8)": "unknown", "(cn~=V*)": "unknown",

		"(!cn=x)": "yes", "(!(!(cn=Vertrieb)))": "yes", deep: "no",

		// What is broken.
		"": "broken", "cn=x": "broken", "(cn=x": "broken", "(cn=x))": "broken", "(cn)": "broken", "(=x)": "broken", "(&(cn=x)": "broken", "(!)": "broken", "(&(cn))": "broken", "(cn=a(b)": "broken", `(cn=\5)`: "broken", `(cn=\zz)`: "broken",
		"(!(cn=x)(cn=y))": "broken", "(&(cn=x)cn=y)": "broken", "(c n=x)": "broken", "(cn<>=x)": "broken", "(!" + deep + ")": "broken", "(cn=" + strings.Repeat("x", exchange.MaxFilter) + ")": "broken",
	} {
		if got := answer(filter, team()); got != want {
			t.Errorf("%.200s: %s, want %s", filter, got, want)
		}
	}
}

// TestUnknownNeverBecomesTrue: what a filter says of a group stays so when more becomes known.
func TestUnknownNeverBecomesTrue(t *testing.T) {
	less := maps.Clone(team())
	delete(less, "displayname")
	for _, filter := range []string{"(displayName=Sales*)", "(!(displayName=Sales*))", "(|(displayName=x)(cn=Vertrieb))", "(&(displayName=*)(cn=x))", "(&(displayName=*)(cn=*))"} {
		if before, after := answer(filter, less), answer(filter, team()); before != "unknown" && before != after {
			t.Errorf("%s: %s, and %s when the display name is known", filter, before, after)
		}
	}
	if got := answer("(displayName=Sales*)", less); got != "unknown" {
		t.Errorf("a condition on what is not known is %s", got)
	}
}

// FuzzFilter holds the reader to another one: what it reads is a filter, and no filter is true of a group together
// with its negation, or unknown without it.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"(&(mailNickname=*)(objectCategory=group))", "(|(cn=a*b*c)(!(cn>=x)))", `(cn=\28\29)`, "(groupType:1.2.840.113556.1.4.803:=8)", "( & (cn=ä) )", "(!cn~=x)", "(cn:dn:2.4:=x)"} {
		f.Add(seed)
	}
	opposite := map[string]string{"yes": "no", "no": "yes", "unknown": "unknown"}
	f.Fuzz(func(t *testing.T, text string) {
		got := answer(text, team())
		if got == "a guess" {
			t.Fatalf("%q matches and is not known to", text)
		}
		if got == "broken" {
			return
		}
		if not := answer("(!"+text+")", team()); not != opposite[got] && strings.Count(text, "(") < exchange.MaxDepth && len(text)+3 <= exchange.MaxFilter {
			t.Errorf("%q is %s, and its opposite %s", text, got, not)
		}
		if _, err := ldap.CompileFilter(text); err != nil && !strings.ContainsAny(text, " \t\r\n\ufffd") && got != "unknown" {
			t.Errorf("%q is read, and no filter: %v", text, err)
		}
	})
}
