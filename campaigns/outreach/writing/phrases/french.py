"""French: vous throughout, and never a word that would depend on who reads."""

from __future__ import annotations

from . import Phrases

FRENCH = Phrases(
    greeting={
        "warm": ("Bonjour {first_name},",),
        "formal": ("Madame, Monsieur,",),
        "brief": ("Bonjour {first_name},",),
    },
    opening={
        "warm": {
            "any": (
                "Nous prenons un moment pour vous écrire, simplement pour nous assurer que votre abonnement vous rend chaque jour le service que vous en attendez.",
                "Un bon abonnement, c'est celui auquel on n'a pas besoin de penser. C'est dans cet esprit que nous vous écrivons.",
                "Vos besoins évoluent, et nous aimons que votre abonnement suive le mouvement.",
            ),
            "loyal": (
                "Votre fidélité compte beaucoup pour nous, et nous avions envie de vous le dire autrement que par une facture.",
                "Merci de la confiance que vous nous accordez : elle mérite mieux qu'un message de plus.",
                "La confiance que vous nous accordez nous pousse à faire mieux. Ce message est une façon de vous en remercier.",
            ),
            "new": (
                "Bienvenue parmi nous ! Les premiers temps comptent, et nous voulons que tout soit simple pour vous.",
                "Vous nous avez rejoints il y a peu, et nous tenons à ce que vos débuts avec nous se passent bien.",
            ),
            "active": (
                "Vous comptez sur vos services au quotidien ; à nous de faire en sorte qu'ils soient toujours à la hauteur.",
                "Appels, messages, internet : quand on s'en sert vraiment, on veut que tout fonctionne sans y penser.",
            ),
            "family": (
                "À la maison, chacun a ses habitudes, et tout le monde a besoin que la connexion suive.",
                "Quand tout un foyer compte sur la même connexion, chaque détail a son importance.",
            ),
        },
        "formal": {
            "any": (
                "Nous nous permettons de vous écrire afin de nous assurer que nos services répondent pleinement à vos attentes.",
                "La qualité du service que nous vous rendons est notre premier souci ; c'est à ce titre que nous vous adressons ce message.",
            ),
            "loyal": (
                "Nous vous remercions de la confiance que vous nous témoignez et souhaitons y répondre avec le plus grand soin.",
                "Votre fidélité nous honore, et nous tenons à vous en remercier.",
            ),
            "new": (
                "Vous nous avez rejoints récemment, et nous vous remercions de ce choix. Nous souhaitons que vos débuts vous donnent entière satisfaction.",
                "Nous sommes heureux de vous compter parmi nos clients et tenons à vous accompagner dès vos débuts.",
            ),
            "active": (
                "Nos services vous accompagnent au quotidien ; nous souhaitons qu'ils soient en tout point à la hauteur.",
                "Vous attendez de vos services qu'ils soient fiables à tout moment, et c'est bien ainsi que nous concevons notre métier.",
            ),
            "family": (
                "Nous savons combien une connexion fiable est précieuse dans la vie d'un foyer.",
                "Les services d'un foyer doivent convenir à chacun de ses membres ; nous y attachons la plus grande importance.",
            ),
        },
        "brief": {
            "any": (
                "Un mot rapide au sujet de votre abonnement.",
                "Quelques lignes seulement, pour aller à l'essentiel.",
            ),
            "loyal": ("Merci de votre confiance.", "Votre fidélité mérite un vrai merci."),
            "new": ("Bienvenue chez {company} !", "Nous sommes heureux de vous compter parmi nous."),
        },
    },
    tenure=(
        "Voilà {tenure_years} ans que nous faisons route ensemble, et nous ne le tenons pas pour acquis.",
        "Cela fait {tenure_years} ans que vous nous accordez votre confiance : merci.",
    ),
    plan=(
        "Votre formule {plan} doit rester à la hauteur de ce que vous en attendez.",
        "Nous voulons que votre formule {plan} continue de bien vous servir.",
    ),
    answer={
        "price": {
            "warm": (
                "Si votre formule ne correspond plus tout à fait à vos besoins, nous cherchons avec vous celle qui tombe juste, pour que vous ne payiez que ce qui vous sert.",
                "Le juste prix est celui d'une formule qui vous ressemble : nous prenons volontiers le temps de la choisir avec vous.",
            ),
            "formal": (
                "Nos conseillers se tiennent à votre disposition pour vérifier avec vous que votre formule est bien ajustée à vos besoins et à votre budget.",
                "Nous étudions volontiers avec vous la formule la plus juste au regard de vos besoins.",
            ),
            "brief": ("Nous faisons volontiers le point avec vous sur la formule la mieux adaptée à votre budget.",),
        },
        "contract": {
            "warm": (
                "Préférez-vous la souplesse, ou la tranquillité d'une formule plus durable ? Nous vous expliquons clairement les deux, et vous choisissez.",
                "Côté contrat, rien de compliqué : nous vous présentons les possibilités en quelques mots, et c'est vous qui décidez.",
            ),
            "formal": (
                "Nous vous présentons volontiers, en toute transparence, les différentes formes de contrat possibles.",
                "Si une autre forme de contrat vous convenait mieux, nos conseillers vous en exposeraient clairement les conditions.",
            ),
            "brief": ("Plus de souplesse ou plus de stabilité : vous choisissez le contrat qui vous va.",),
        },
        "support": {
            "warm": (
                "Une question, un réglage qui résiste ? Une personne de notre équipe vous guide pas à pas, avec patience.",
                "Et si quelque chose coince, vous n'avez pas à chercher longtemps : notre assistance s'en occupe avec vous.",
            ),
            "formal": (
                "Notre assistance technique se tient à votre disposition pour toute question, qu'il s'agisse d'une installation ou d'un simple réglage.",
                "En cas de difficulté, nos techniciens vous accompagnent jusqu'à la résolution complète.",
            ),
            "brief": ("Une question technique ? Notre assistance vous guide pas à pas.",),
        },
        "internet": {
            "warm": (
                "Pour que vos films, vos appels et vos soirées en ligne restent fluides, nous vérifions volontiers avec vous la qualité de votre connexion.",
                "Une connexion stable, cela change tout : nous prenons le temps de contrôler votre ligne avec vous.",
            ),
            "formal": (
                "Nous procédons volontiers, à votre demande, à une vérification de votre connexion afin d'en assurer la stabilité.",
                "La qualité de votre connexion fait l'objet de toute notre attention, et nos techniciens peuvent la contrôler avec vous.",
            ),
            "brief": ("Nous vérifions avec vous la qualité de votre connexion, quand vous le souhaitez.",),
        },
        "beginnings": {
            "warm": (
                "Espace client, réglages, première facture : nous vous aidons à tout prendre en main, à votre rythme.",
                "Les débuts amènent toujours quelques questions ; posez-les-nous toutes, même les plus petites.",
            ),
            "formal": (
                "Nos conseillers vous accompagnent dans la prise en main de vos services et répondent à toutes vos questions.",
                "Nous restons à votre écoute pour toute question relative à vos services ou à votre facture.",
            ),
            "brief": ("Une question sur vos services ? Nous y répondons avec plaisir.",),
        },
        "billing": {
            "warm": (
                "Nous pouvons aussi simplifier vos paiements : vous choisissez le moyen qui vous arrange, et vous n'y pensez plus.",
                "Payer doit rester simple : nous vous montrons les moyens de règlement disponibles, et vous gardez celui que vous préférez.",
            ),
            "formal": (
                "Nos conseillers vous indiquent volontiers le mode de règlement le plus commode pour vous.",
                "Nous vous aidons, si vous le souhaitez, à simplifier le règlement de vos factures.",
            ),
            "brief": ("Nous vous aidons à choisir le moyen de paiement le plus simple.",),
        },
        "use": {
            "warm": (
                "Une formule prend tout son sens quand elle vous est vraiment utile : nous serions ravis de vous aider à en profiter davantage.",
                "Il y a peut-être, dans votre formule, des services que vous n'avez pas encore essayés ; nous vous les faisons découvrir avec plaisir.",
            ),
            "formal": (
                "Nous vous aidons volontiers à tirer le meilleur parti des services compris dans votre formule.",
                "Nos conseillers peuvent vous présenter les services de votre formule qui vous seraient les plus utiles.",
            ),
            "brief": ("Nous vous aidons à profiter pleinement de votre formule.",),
        },
        "complaints": {
            "warm": (
                "Si quelque chose ne vous a pas donné satisfaction, dites-le-nous : nous vous écoutons et nous suivons le sujet jusqu'à sa solution.",
                "Votre avis nous fait avancer. S'il reste une question en suspens, nous la reprenons avec vous, sans vous faire répéter.",
            ),
            "formal": (
                "Si un point demeurait en suspens, nous vous serions reconnaissants de nous le signaler : il sera suivi jusqu'à sa résolution.",
                "Nous restons pleinement à votre écoute pour tout point qui n'aurait pas encore reçu de réponse satisfaisante.",
            ),
            "brief": ("Un point reste en suspens ? Dites-le-nous, nous le suivons jusqu'au bout.",),
        },
        "protection": {
            "warm": (
                "Photos, appareils, comptes : nous vous montrons comment les protéger simplement, selon vos habitudes.",
                "Naviguer l'esprit tranquille, cela s'organise : nous vous conseillons la protection qui vous convient, ni plus ni moins.",
            ),
            "formal": (
                "Nous vous conseillons volontiers sur la protection de vos appareils et la sauvegarde de vos données.",
                "La sécurité de vos données nous tient à cœur, et nos conseillers vous orientent vers la protection la mieux adaptée.",
            ),
            "brief": ("Nous vous aidons à protéger vos appareils et vos données.",),
        },
        "entertainment": {
            "warm": (
                "Pour vos soirées films, séries ou sport, nous vous aidons à trouver la formule qui vous fera plaisir.",
                "Films, séries, chaînes : dites-nous ce que vous aimez, nous vous montrons ce qui existe.",
            ),
            "formal": (
                "Nos conseillers vous présentent volontiers les programmes et les services de divertissement adaptés à vos goûts.",
                "Nous vous orientons volontiers vers les programmes qui répondent le mieux à vos envies.",
            ),
            "brief": ("Films, séries, chaînes : nous trouvons avec vous ce qui vous plaît.",),
        },
    },
    offer={
        "warm": (
            "Voici ce que nous vous proposons : « {offer_name} ».",
            "En pensant à vous, nous avons préparé « {offer_name} ».",
            "Nous avons aussi le plaisir de vous proposer « {offer_name} ».",
        ),
        "formal": (
            "Nous avons le plaisir de vous proposer « {offer_name} ».",
            "À ce titre, nous vous proposons « {offer_name} ».",
        ),
        "brief": ("Pour vous : « {offer_name} ».", "Notre proposition : « {offer_name} »."),
    },
    nameless={
        "warm": (
            "Nous avons préparé une proposition pour vous.",
            "Nous avons pensé à une proposition qui pourrait vous plaire.",
        ),
        "formal": ("Nous avons le plaisir de vous soumettre une proposition.",),
        "brief": ("Voici notre proposition.",),
    },
    price={
        "before_after_discount": (
            "Votre abonnement passe de {price_before} à {offer_price} par mois, soit {offer_discount} de moins.",
            "Vous payez {offer_price} par mois au lieu de {price_before}, soit une remise de {offer_discount}.",
        ),
        "before_after": (
            "Votre abonnement passe de {price_before} à {offer_price} par mois.",
            "Vous payez {offer_price} par mois au lieu de {price_before}.",
        ),
        "after_discount": (
            "Votre abonnement vous revient à {offer_price} par mois, remise de {offer_discount} comprise.",
            "Avec une remise de {offer_discount}, vous payez {offer_price} par mois.",
        ),
        "after": ("Votre abonnement vous revient à {offer_price} par mois.", "Vous payez {offer_price} par mois."),
        "discount": (
            "Vous bénéficiez d'une remise de {offer_discount} sur votre abonnement mensuel.",
            "Votre mensualité baisse de {offer_discount}.",
        ),
    },
    until=(
        "Vous avez jusqu'au {offer_until} pour vous décider.",
        "Cette proposition est valable jusqu'au {offer_until}.",
    ),
    take={
        "reply": {
            "warm": (
                "Cela vous intéresse ? Répondez à ce message, nous nous occupons du reste.",
                "Pour en profiter, répondez simplement à ce message.",
            ),
            "formal": ("Pour en bénéficier, il vous suffit de répondre à ce message.",),
            "brief": ("Pour en profiter, répondez à ce message.",),
        },
        "contact": {
            "warm": (
                "Pour en profiter, ou simplement pour en parler, contactez-nous : {support_contact}",
                "Envie d'en profiter ? Notre équipe vous attend : {support_contact}",
            ),
            "formal": ("Pour en bénéficier, nous vous invitons à contacter notre service clients : {support_contact}",),
            "brief": ("Pour en profiter : {support_contact}",),
        },
        "shop": {
            "warm": ("Passez nous voir en boutique : notre équipe s'occupe de tout.",),
            "formal": ("Nos équipes vous accueillent en boutique pour la mettre en place.",),
            "brief": ("Passez en boutique, nous nous occupons de tout.",),
        },
        "link": {
            "warm": ("Tout se fait en ligne, simplement : {offer_link}",),
            "formal": ("Vous pouvez en bénéficier en ligne, à l'adresse suivante : {offer_link}",),
            "brief": ("Pour en profiter : {offer_link}",),
        },
    },
    talk={
        "reply": {
            "warm": (
                "Une question, une envie ? Répondez simplement à ce message, une personne de l'équipe vous lira.",
            ),
            "formal": ("Pour toute question, il vous suffit de répondre à ce message.",),
            "brief": ("Une question ? Répondez simplement à ce message, nous vous lirons avec attention.",),
        },
        "contact": {
            "warm": ("Parlons-en quand vous voulez. Notre équipe vous répond ici : {support_contact}",),
            "formal": ("Notre service clients se tient à votre disposition : {support_contact}",),
            "brief": ("Une question, un besoin ? Notre équipe vous répond ici : {support_contact}",),
        },
        "shop": {
            "warm": ("Passez nous voir en boutique, nous serons heureux d'en parler avec vous.",),
            "formal": ("Nos équipes vous accueillent également en boutique.",),
            "brief": ("Une question, un besoin ? Notre équipe vous accueille en boutique avec plaisir.",),
        },
    },
    last={
        "warm": ("Nous restons à vos côtés.", "Au plaisir de vous aider.", "Merci d'être des nôtres."),
        "formal": ("Nous restons à votre entière disposition.", "Nous vous remercions de votre confiance."),
        "brief": ("",),
    },
    farewell={
        "warm": (
            "À très bientôt,\nL'équipe {company}",
            "Avec toute notre attention,\nL'équipe {company}",
            "Bien à vous,\nL'équipe {company}",
        ),
        "formal": (
            "Nous vous prions d'agréer, Madame, Monsieur, l'expression de nos salutations distinguées.\nLe service clients {company}",
            "Avec nos salutations les meilleures,\nLe service clients {company}",
        ),
        "brief": ("Merci,\nL'équipe {company}", "À bientôt,\nL'équipe {company}"),
    },
    subject={
        "warm": {
            "named": ("Une attention pour vous : « {offer_name} »", "« {offer_name} » : nous avons pensé à vous"),
            "discount": (
                "{offer_discount} de remise sur votre abonnement",
                "Votre abonnement {company} : {offer_discount} de remise pour vous",
            ),
            "offer": ("Une proposition pensée pour vous", "Nous avons pensé à vous"),
            "any": (
                "Prenons soin de votre abonnement",
                "Comment pouvons-nous mieux vous servir ?",
                "Quelques mots de l'équipe {company}",
            ),
        },
        "formal": {
            "named": ("Notre proposition : « {offer_name} »", "{company} vous propose « {offer_name} »"),
            "discount": (
                "Votre abonnement : une remise de {offer_discount}",
                "Une remise de {offer_discount} vous est proposée",
            ),
            "offer": ("Votre abonnement : une proposition de {company}", "Une proposition concernant votre abonnement"),
            "any": ("À propos de votre abonnement", "Votre abonnement {company} : nous restons à votre écoute"),
        },
        "brief": {
            "named": ("Pour vous : « {offer_name} »", "« {offer_name} »"),
            "discount": ("{offer_discount} de remise pour vous", "Votre remise : {offer_discount}"),
            "offer": ("Une proposition pour vous", "Notre proposition"),
            "any": ("Votre abonnement", "Un mot sur votre abonnement"),
        },
    },
    subject_of={
        "price": ("La formule qui tombe juste pour vous",),
        "contract": ("Votre contrat, comme il vous convient",),
        "support": ("Une question technique ? Nous sommes là",),
        "internet": ("Votre connexion mérite toute notre attention",),
        "beginnings": ("Bien débuter avec {company}",),
        "billing": ("Vos paiements, en plus simple",),
        "use": ("Profitez mieux de votre formule",),
        "complaints": ("Nous vous écoutons",),
        "protection": ("Vos appareils et vos données, bien protégés",),
        "entertainment": ("Films, séries, chaînes : ce qui vous plaît",),
    },
)
