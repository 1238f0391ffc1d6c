package exchange

// Row is what one attribute of a group with mail has in one case, with where that is known from.
type Row struct {
	Attribute string
	When      string // the case; empty: always
	What      string // its values, for people
	Source    string // where that is known from
	Verified  bool   // the source is Exchange's own: what Microsoft documents for groups, or what Exchange wrote. If not, it is not verified against Exchange

	when   func(*letter) bool
	values func(*letter) []string // nil: the values are DNs (Wish.Lists)
}

// Unverified is what is said of a row that is not verified.
const Unverified = "not verified against Exchange"

// Table are the attributes that a group with mail is given, by case.
func Table() []Row { return rows() }

// dump is what is meant by a public dump here.
const dump = "a distribution list that Exchange 2016 or later made, as read by LDAP"

// Values of groups in Exchange.
const (
	versionOfGroups  = "44220983382016" // 0.10 (14.0.100.0): that of groups up to Exchange 2019
	displayList      = "1"
	displaySecurity  = "1073741833"
	remoteGroup      = "8796093022208"
	policiesExcluded = "{26491cfc-9e50-4857-861b-0cb8df22b5d7}" // all of them
)

// hideFrom is the attribute by which address lists leave an object out.
const hideFrom = "msExchHideFromAddressLists"

func always(*letter) bool { return true }

func routed(r Route) func(*letter) bool { return func(l *letter) bool { return l.route == r } }

func hidden(f Flag) func(*letter) bool { return func(l *letter) bool { return l.group.Hidden() == f } }

func external(f Flag) func(*letter) bool {
	return func(l *letter) bool { return l.group.AllowExternal == f }
}

func constant(values ...string) func(*letter) []string {
	return func(*letter) []string { return append([]string{}, values...) }
}

// rows are the table. For one group at most one row of an attribute is in force.
func rows() []Row {
	return []Row{
		{"mail", "", "the primary SMTP address", "Microsoft, Set-DistributionGroup (WindowsEmailAddress); " + dump, true,
			func(l *letter) bool { return len([]rune(l.primary)) <= maxMail }, func(l *letter) []string { return []string{l.primary} }},
		{"mailNickname", "", "the alias, of at most 64 characters", "Microsoft, Set-DistributionGroup (Alias); " + dump, true,
			always, func(l *letter) []string { return []string{l.alias} }},
		{"proxyAddresses", "", "all SMTP and X500 addresses; the primary one as `SMTP:`", "Microsoft, Recipient resolution in Exchange Server; " + dump, true,
			always, func(l *letter) []string { return l.proxies }},
		{"legacyExchangeDN", "", "`/o=…/ou=…/cn=Recipients/cn=<object id>-<alias>`, written once", "the form: " + dump + ". That 128 characters are the most is inferred from objects that were cut there", false,
			func(l *letter) bool { return l.legacyDN != "" }, func(l *letter) []string { return []string{l.legacyDN} }},

		{"msExchRecipientDisplayType", "distribution group", "`1`", dump, true,
			func(l *letter) bool { return !l.group.Security && l.route == Expand }, constant(displayList)},
		{"msExchRecipientDisplayType", "security group", "`1073741833`", "mail-enabled security groups of Exchange, as read by LDAP; seen on global ones", true,
			func(l *letter) bool { return l.group.Security && l.route == Expand }, constant(displaySecurity)},
		{"msExchRecipientDisplayType", "distribution group, route cloud", "`1`", "that of a distribution group: what Exchange has for a group in the cloud is not documented", false,
			func(l *letter) bool { return !l.group.Security && l.route == Cloud }, constant(displayList)},
		{"msExchRecipientDisplayType", "security group, route cloud", "`1073741833`", "that of a security group: what Exchange has for a group in the cloud is not documented", false,
			func(l *letter) bool { return l.group.Security && l.route == Cloud }, constant(displaySecurity)},
		{"msExchRecipientTypeDetails", "route expand", "none", dump, true,
			routed(Expand), constant()},
		{"msExchRecipientTypeDetails", "route cloud", "`8796093022208`", "the number of a remote group mailbox in public converters; no documentation was found", false,
			routed(Cloud), constant(remoteGroup)},
		{"targetAddress", "route expand", "none", dump, true,
			routed(Expand), constant()},
		{"targetAddress", "route cloud", "`SMTP:` and the address in `<tenant>.mail.onmicrosoft.com`, or else in `<tenant>.onmicrosoft.com`", "no documentation was found that Exchange reads it of a group", false,
			routed(Cloud), func(l *letter) []string { return []string{"SMTP:" + l.routing} }},
		{"msExchVersion", "", "`44220983382016`", dump + "; role groups of 2025 too", true,
			always, constant(versionOfGroups)},
		{"msExchPoliciesExcluded", "", "`" + policiesExcluded + "`: no e-mail address policy changes the addresses", "Microsoft documents it for mailboxes; of groups it is inferred", false,
			always, constant(policiesExcluded)},
		{"reportToOriginator", "", "`TRUE`", "Microsoft, Set-DistributionGroup (ReportToOriginatorEnabled); " + dump, true,
			always, constant("TRUE")},

		{hideFrom, "hidden from address lists or from Outlook", "`TRUE`", "Microsoft, Set-DistributionGroup (HiddenFromAddressListsEnabled), Set-UnifiedGroup; " + dump, true,
			hidden(True), constant("TRUE")},
		{hideFrom, "hidden from neither", "`FALSE`", "that FALSE is as good as no value is inferred", false,
			hidden(False), constant("FALSE")},
		{"msExchRequireAuthToSendTo", "no external senders", "`TRUE`", "Microsoft, Set-DistributionGroup (RequireSenderAuthenticationEnabled); " + dump, true,
			external(False), constant("TRUE")},
		{"msExchRequireAuthToSendTo", "external senders", "`FALSE`", "Microsoft, Set-DistributionGroup (RequireSenderAuthenticationEnabled)", true,
			external(True), constant("FALSE")},
		{ShowIn, "hidden", "the system's own lists alone", dump + ", hidden; whether these lists have a filter is not documented", true,
			hidden(True), nil},
		{ShowIn, "not hidden", "each list whose filter is true of the group", "inferred from the lists' filters and from groups that Exchange made", false,
			hidden(False), nil},
		{ShowIn, "not known whether hidden", "the system's own lists, and those that it is in", "a choice of this product: a group that is to be hidden is never shown meanwhile", false,
			hidden(""), nil},
	}
}
