"""English, as a British company would write it."""

from __future__ import annotations

from . import Phrases

ENGLISH = Phrases(
    greeting={
        "warm": ("Hello {first_name},",),
        "formal": ("Dear {full_name},",),
        "brief": ("Hello {first_name},",),
    },
    opening={
        "warm": {
            "any": (
                "We are writing for a simple reason: we want your subscription to do, every day, what you expect of it.",
                "A good subscription is one that you never have to think about. That is the spirit of this note.",
                "What you need changes over time, and we like your subscription to keep up.",
            ),
            "loyal": (
                "Your loyalty means a great deal to us, and we wanted to say so in something other than a bill.",
                "Thank you for the trust that you place in us. It deserves more than just another message.",
                "Your trust makes us want to do better, and this note is our way of saying thank you.",
            ),
            "new": (
                "Welcome! The early days matter, and we want everything to be simple for you.",
                "You joined us not long ago, and we would like your first steps with us to go well.",
            ),
            "active": (
                "You count on your services every day, and it is up to us to keep them at their best.",
                "Calls, messages, internet: when they are part of your day, they should simply work.",
            ),
            "family": (
                "At home everybody has their own habits, and everybody needs a connection that keeps up.",
                "When a whole household counts on the same connection, every detail matters.",
            ),
        },
        "formal": {
            "any": (
                "We are writing to make sure that our services meet your expectations in every respect.",
                "The quality of the service that you receive is our first concern, and it is the reason for this letter.",
            ),
            "loyal": (
                "We are grateful for the trust that you place in us, and we wish to repay it with the greatest care.",
                "We value your loyalty and would like to thank you for it.",
            ),
            "new": (
                "Thank you for having joined us recently. We would like your first steps with us to be entirely satisfactory.",
                "We are pleased to count you among our customers, and we wish to assist you from the very beginning.",
            ),
            "active": (
                "Our services are part of your daily life, and we wish them to be equal to it in every respect.",
                "You expect your services to be dependable at all times, and so do we.",
            ),
            "family": (
                "We know how precious a dependable connection is in the life of a household.",
                "The services of a household should suit each of its members, and we attach great importance to that.",
            ),
        },
        "brief": {
            "any": ("A quick word about your subscription.", "Just a few lines, to come straight to the point."),
            "loyal": ("Thank you for your trust.", "Your loyalty deserves a proper thank you."),
            "new": ("Welcome to {company}!", "We are glad to have you with us."),
        },
    },
    tenure=(
        "We have come {tenure_years} years together, and we do not take that for granted.",
        "You have trusted us for {tenure_years} years now: thank you.",
    ),
    plan=(
        "Your {plan} plan should keep living up to what you expect of it.",
        "We want your {plan} plan to go on serving you well.",
    ),
    answer={
        "price": {
            "warm": (
                "If your plan no longer quite matches your needs, we will look with you for the one that fits, so that you only pay for what is of use to you.",
                "The right price is that of a plan which suits you, and we are happy to take the time to choose it with you.",
            ),
            "formal": (
                "Our advisers are at your disposal to make sure that your plan is well suited to your needs and your budget.",
                "We would be pleased to review with you which plan best answers your needs.",
            ),
            "brief": ("We are happy to look with you for the plan that best fits your budget.",),
        },
        "contract": {
            "warm": (
                "Do you prefer flexibility, or the peace of mind of a longer plan? We will explain both in plain words, and the choice is yours.",
                "As for the contract, nothing complicated: we show you what is possible, and you decide.",
            ),
            "formal": (
                "We would be pleased to set out for you, in full clarity, the forms of contract that are available.",
                "Should another form of contract suit you better, our advisers will explain its terms clearly.",
            ),
            "brief": ("More flexibility or more stability: you choose the contract that suits you.",),
        },
        "support": {
            "warm": (
                "A question, a setting that will not behave? Somebody from our team will guide you step by step, and patiently.",
                "And if something gets stuck, you need not search for long: our support team will sort it out with you.",
            ),
            "formal": (
                "Our technical support is at your disposal for any question, from an installation to a simple setting.",
                "Should you meet with any difficulty, our technicians will assist you until it is fully resolved.",
            ),
            "brief": ("A technical question? Our support team will guide you step by step.",),
        },
        "internet": {
            "warm": (
                "To keep your films, your calls and your evenings online running smoothly, we are happy to check the quality of your connection with you.",
                "A steady connection makes all the difference, and we will take the time to check your line with you.",
            ),
            "formal": (
                "At your request, we would be pleased to check your connection and make sure that it is stable.",
                "The quality of your connection has our full attention, and our technicians can examine it with you.",
            ),
            "brief": ("We will check the quality of your connection with you, whenever it suits you.",),
        },
        "beginnings": {
            "warm": (
                "Your account, your settings, your first bill: we will help you to find your way around, at your own pace.",
                "New services always bring a few questions. Ask us all of them, even the smallest.",
            ),
            "formal": (
                "Our advisers will help you to become familiar with your services and will answer all your questions.",
                "We remain at your disposal for any question about your services or your bill.",
            ),
            "brief": ("A question about your services? We are happy to answer it.",),
        },
        "billing": {
            "warm": (
                "We can also make paying simpler: you choose the way that suits you, and then you can forget about it.",
                "Paying should be simple. We will show you the ways to pay, and you keep the one that you prefer.",
            ),
            "formal": (
                "Our advisers will gladly tell you which means of payment is most convenient for you.",
                "If you wish, we can help you to simplify the payment of your bills.",
            ),
            "brief": ("We will help you to choose the simplest way to pay.",),
        },
        "use": {
            "warm": (
                "A plan makes sense when it is truly useful to you, and we would love to help you to get more out of yours.",
                "There may be services in your plan that you have not tried yet. We would be glad to show them to you.",
            ),
            "formal": (
                "We would be pleased to help you to make the most of the services that your plan includes.",
                "Our advisers can show you which services of your plan would be most useful to you.",
            ),
            "brief": ("We will help you to make the most of your plan.",),
        },
        "complaints": {
            "warm": (
                "If anything has let you down, tell us: we will listen, and we will follow it up until it is solved.",
                "Your opinion moves us forward. If a question is still open, we will take it up again with you, without making you repeat yourself.",
            ),
            "formal": (
                "Should any matter still be open, we would be grateful if you told us of it: it will be followed until it is resolved.",
                "We remain at your disposal for any matter that has not yet received a satisfactory answer.",
            ),
            "brief": ("Is something still open? Tell us, and we will see it through.",),
        },
        "protection": {
            "warm": (
                "Photos, devices, accounts: we will show you how to protect them simply, in the way that suits your habits.",
                "Peace of mind online can be arranged: we will advise you on the protection that fits you, no more and no less.",
            ),
            "formal": (
                "We would be pleased to advise you on the protection of your devices and the safekeeping of your data.",
                "The security of your data matters to us, and our advisers will direct you to the protection that fits best.",
            ),
            "brief": ("We will help you to protect your devices and your data.",),
        },
        "entertainment": {
            "warm": (
                "For your evenings of films, series or sport, we will help you to find the plan that you will enjoy.",
                "Films, series, channels: tell us what you like, and we will show you what there is.",
            ),
            "formal": (
                "Our advisers would be pleased to show you the programmes and services that suit your tastes.",
                "We would gladly direct you to the programmes that best answer your wishes.",
            ),
            "brief": ("Films, series, channels: we will find with you what you enjoy.",),
        },
    },
    offer={
        "warm": (
            "We have prepared “{offer_name}” for you.",
            "With that in mind, we thought of you for “{offer_name}”.",
            "We are also delighted to suggest “{offer_name}”.",
        ),
        "formal": (
            "We have the pleasure of proposing “{offer_name}” to you.",
            "We would accordingly like to propose “{offer_name}”.",
        ),
        "brief": ("For you: “{offer_name}”.", "Our suggestion: “{offer_name}”."),
    },
    nameless={
        "warm": ("We have prepared something for you.", "We have thought of something that you might like."),
        "formal": ("We have the pleasure of submitting a proposal to you.",),
        "brief": ("Here is our suggestion.",),
    },
    price={
        "before_after_discount": (
            "Your subscription goes from {price_before} to {offer_price} a month: {offer_discount} less.",
            "You pay {offer_price} a month instead of {price_before}, which is a discount of {offer_discount}.",
        ),
        "before_after": (
            "Your subscription goes from {price_before} to {offer_price} a month.",
            "You pay {offer_price} a month instead of {price_before}.",
        ),
        "after_discount": (
            "Your subscription comes to {offer_price} a month, with a discount of {offer_discount} included.",
            "With a discount of {offer_discount}, you pay {offer_price} a month.",
        ),
        "after": ("Your subscription comes to {offer_price} a month.", "You pay {offer_price} a month."),
        "discount": (
            "You receive a discount of {offer_discount} on your monthly subscription.",
            "Your monthly bill goes down by {offer_discount}.",
        ),
    },
    until=("You have until {offer_until} to make up your mind.", "This is valid until {offer_until}."),
    take={
        "reply": {
            "warm": (
                "Does it appeal to you? Reply to this message, and we will take care of the rest.",
                "To take it up, simply reply to this message.",
            ),
            "formal": ("To take it up, you need only reply to this message.",),
            "brief": ("To take it up, reply to this message.",),
        },
        "contact": {
            "warm": (
                "To take it up, or just to talk about it, get in touch: {support_contact}",
                "Would you like it? Our team is here for you: {support_contact}",
            ),
            "formal": ("To take it up, please contact our customer service: {support_contact}",),
            "brief": ("To take it up: {support_contact}",),
        },
        "shop": {
            "warm": ("Come and see us in one of our shops, and our team will take care of everything.",),
            "formal": ("Our teams will be pleased to receive you in our shops and to set it up for you.",),
            "brief": ("Drop in at one of our shops, and we will take care of everything.",),
        },
        "link": {
            "warm": ("It is all done online, and simply: {offer_link}",),
            "formal": ("You can take it up online, at this address: {offer_link}",),
            "brief": ("To take it up: {offer_link}",),
        },
    },
    talk={
        "reply": {
            "warm": ("A question, or an idea? Simply reply to this message, and somebody from the team will read it.",),
            "formal": ("For any question, you need only reply to this message.",),
            "brief": ("A question? Simply reply to this message, and we will read it with care.",),
        },
        "contact": {
            "warm": ("Let us talk about it whenever you like. Our team answers here: {support_contact}",),
            "formal": ("Our customer service is at your disposal: {support_contact}",),
            "brief": ("A question, or something that you need? Our team answers here: {support_contact}",),
        },
        "shop": {
            "warm": ("Come and see us in one of our shops: we would be glad to talk about it with you.",),
            "formal": ("Our teams will also be pleased to receive you in our shops.",),
            "brief": ("A question, or something that you need? Our team will be glad to see you in one of our shops.",),
        },
    },
    last={
        "warm": ("We are here for you.", "It would be a pleasure to help.", "Thank you for being with us."),
        "formal": ("We remain entirely at your disposal.", "We thank you for your trust."),
        "brief": ("",),
    },
    farewell={
        "warm": (
            "Warm regards,\nThe {company} team",
            "With all our attention,\nThe {company} team",
            "See you soon,\nThe {company} team",
        ),
        "formal": ("Yours sincerely,\n{company} customer service", "With kind regards,\n{company} customer service"),
        "brief": ("Thank you,\nThe {company} team", "See you soon,\nThe {company} team"),
    },
    subject={
        "warm": {
            "named": ("A little something for you: “{offer_name}”", "“{offer_name}”: we thought of you"),
            "discount": (
                "A discount of {offer_discount} on your subscription",
                "{offer_discount} off your monthly bill",
            ),
            "offer": ("Something that we prepared for you", "We thought of you"),
            "any": (
                "Taking good care of your subscription",
                "How can we serve you better?",
                "A few words from the {company} team",
            ),
        },
        "formal": {
            "named": ("Our proposal: “{offer_name}”", "{company} proposes “{offer_name}”"),
            "discount": (
                "Your subscription: a discount of {offer_discount}",
                "A discount of {offer_discount} is proposed to you",
            ),
            "offer": ("Your subscription: a proposal from {company}", "A proposal about your subscription"),
            "any": ("About your subscription", "Your {company} subscription: at your disposal"),
        },
        "brief": {
            "named": ("For you: “{offer_name}”", "“{offer_name}”"),
            "discount": ("{offer_discount} off for you", "Your discount: {offer_discount}"),
            "offer": ("A suggestion for you", "Our suggestion"),
            "any": ("Your subscription", "A word about your subscription"),
        },
    },
    subject_of={
        "price": ("The plan that fits you",),
        "contract": ("Your contract, the way it suits you",),
        "support": ("A technical question? We are here",),
        "internet": ("Your connection deserves our full attention",),
        "beginnings": ("Getting off to a good start with {company}",),
        "billing": ("Paying, made simpler",),
        "use": ("Getting more out of your plan",),
        "complaints": ("We are listening to you",),
        "protection": ("Your devices and your data, well protected",),
        "entertainment": ("Films, series, channels: what you enjoy",),
    },
)
