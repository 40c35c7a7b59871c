//! PIN cards of the vault (购卡): load a batch, count the stock, show the buyer what was bought (product
//! specification §3). A PIN stands in the clear in a batch's body and in the buyer's answer, and nowhere
//! in between.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use mpss_domain::ids::IssuedId;
use mpss_domain::vault::{CardLine, CardNumber, CardResult, NewCard};
use mpss_domain::{BusinessDay, LogTime, OrderId, Outcome, ProductId, Refusal, State as ProvinceState, Verb};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::card_pin::{CardPin, PinSafe};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// A batch of cards.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoadCards)]
pub(crate) struct LoadAsk<'a> {
    /// The SP's own name of the batch: the same batch again changes nothing. 1 to 32 printable ASCII
    /// characters without spaces.
    #[serde(borrow)]
    #[schema(value_type = String, pattern = "^[!-~]{1,32}$", example = "2026-11-23/001")]
    batch_id: Str<'a>,
    /// The cards, at most 500. What is wrong with one of them is told in its own result.
    #[serde(borrow)]
    #[schema(max_items = 500)]
    cards: Vec<CardAsk<'a>>,
}

/// A card to load.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CardToLoad)]
pub(crate) struct CardAsk<'a> {
    /// Its number: 8 to 24 digits, once in all that its SP sells.
    #[serde(borrow)]
    #[schema(value_type = String, example = "8888123456789012")]
    number: Str<'a>,
    /// Its PIN: 4 to 32 digits and letters.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, example = "730955118842907716")]
    pin: Secret<'a>,
    /// The last day on which it is good, in China.
    #[serde(borrow)]
    #[schema(value_type = String, format = Date, example = "2027-12-31")]
    expires: Str<'a>,
}

impl CardAsk<'_> {
    fn number(&self) -> Option<CardNumber> {
        self.number.as_str().parse().ok()
    }

    /// The card with its PIN sealed, when there is one to be read.
    fn seal(&self, product: ProductId, safe: &PinSafe, door: &DoorParts) -> CardLine {
        let (number, expires) = (self.number(), self.expires.as_str().parse().ok());
        let (Some(number), Some(expires), Some(pin)) = (number, expires, CardPin::parse(self.pin.reveal())) else {
            return CardLine::Malformed;
        };
        let pin = safe.seal(product, number, &pin, &*door.context.seams.random);
        CardLine::Card(NewCard { number, pin, expires })
    }
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardsLoaded)]
pub(crate) struct LoadedBody<'a> {
    /// Into which product's vault.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// The batch.
    #[schema(value_type = String, example = "2026-11-23/001")]
    batch_id: &'a str,
    /// How many of its cards are in stock now.
    loaded: usize,
    /// One for each card, in the order of the batch.
    results: Vec<ResultPart>,
    /// Position in the province's log.
    log_index: u64,
}

/// What became of one card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardResult)]
pub(crate) struct ResultPart {
    /// Its place in the batch, counting from 1.
    line: usize,
    /// Its number, masked; absent when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "****9012")]
    number: Option<String>,
    /// `loaded`, `duplicate` (its SP has a card with this number), `expired` or `malformed`.
    #[schema(example = "loaded")]
    result: &'static str,
}

/// Loads a batch of PIN cards into the vault of a product. From its first card on the product is sold from
/// stock, and delivered at once.
#[utoipa::path(
    post, path = "/v1/products/{id}/cards", tag = "catalogue", operation_id = "load_cards",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    request_body = LoadAsk<'_>,
    responses((status = 200, description = "Each card has its result", body = LoadedBody<'_>)),
)]
pub(crate) async fn load(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, ProductId) = (call.key()?, call.id()?);
    let ask: LoadAsk<'_> = call.json()?;
    let batch = field::id("batch_id", ask.batch_id.as_str())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let safe = door.pin_safe()?;
    let parts = ask.cards.iter().flat_map(|card| [card.number.as_str(), card.pin.reveal(), card.expires.as_str()]);
    let content = safe.digest(parts);
    let lines = ask.cards.iter().map(|card| card.seal(id, safe, &door)).collect();
    let verb = Verb::LoadCards { product: id, batch, content, lines };
    // The digest stands for the PINs, which are not written.
    let reply = door.propose(call.request(key, &(&ask, content)), verb).await.map_err(Problem::of_path)?;
    let Outcome::CardsLoaded(results) = &reply.outcome else { return Err(unexpected(&reply)) };
    let results: Vec<_> = (ask.cards.iter().zip(results).enumerate())
        .map(|(at, (card, result))| ResultPart {
            line: at + 1,
            number: card.number().map(CardNumber::masked),
            result: result.name(),
        })
        .collect();
    let loaded = results.iter().filter(|part| part.result == CardResult::Loaded.name()).count();
    let (product_id, batch_id) = (Shown(id), ask.batch_id.as_str());
    let body = LoadedBody { product_id, batch_id, loaded, results, log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// How many cards of a product are where. `loaded` is the sum of the five below it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stock)]
pub(crate) struct StockBody {
    /// The product.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// Ever loaded; a product that never was is delivered by its SP.
    loaded: u64,
    /// For sale.
    in_stock: u64,
    /// With orders that are not paid yet.
    reserved: u64,
    /// Sold, and not shown yet.
    sold: u64,
    /// Sold and shown.
    shown: u64,
    /// Past their last day before they were sold.
    expired: u64,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Counts the cards of a product.
#[utoipa::path(
    get, path = "/v1/products/{id}/stock", tag = "catalogue", operation_id = "show_stock",
    params(("id" = String, Path, description = "The product", example = "G20260101120000000-44-00001")),
    responses((status = 200, description = "How many cards are where", body = StockBody)),
)]
pub(crate) async fn stock(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let id: ProductId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let look = |state: &ProvinceState| {
        state.product(id).is_some().then(|| (state.stock(id).unwrap_or_default(), state.index()))
    };
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let (stock, log_index) = found.ok_or_else(|| Problem::refused(Refusal::ProductNotFound).of_path())?;
    let body = StockBody {
        product_id: Shown(id),
        loaded: stock.loaded,
        in_stock: stock.in_stock,
        reserved: stock.reserved,
        sold: stock.sold,
        shown: stock.shown,
        expired: stock.expired,
        log_index,
    };
    Ok(answer::found(&body))
}

/// Who wants to see the cards of an order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevealCards)]
pub(crate) struct RevealAsk<'a> {
    /// The buyer.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Str<'a>,
}

/// The cards of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = CardsShown)]
pub(crate) struct ShownBody {
    /// The order.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// When they were shown for the first time; from then on the order can not be undone.
    #[schema(value_type = String, format = DateTime)]
    shown_at: Shown<LogTime>,
    /// The cards; the same whenever they are asked for.
    cards: Vec<CardPart>,
    /// Position in the province's log.
    log_index: u64,
}

/// A card as its buyer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Card)]
pub(crate) struct CardPart {
    /// Its number.
    #[schema(value_type = String, example = "8888123456789012")]
    number: Shown<CardNumber>,
    /// Its PIN.
    #[schema(value_type = String, format = Password, example = "730955118842907716")]
    #[serde(serialize_with = "in_the_clear")]
    pin: CardPin,
    /// The last day on which it is good, in China.
    #[schema(value_type = String, format = Date, example = "2027-12-31")]
    expires: Shown<BusinessDay>,
}

fn in_the_clear<S: Serializer>(pin: &CardPin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(pin.reveal())
}

/// Shows the cards of an order to its buyer. From the first time on the order can be neither reversed nor
/// refunded; asking again shows the same cards.
#[utoipa::path(
    post, path = "/v1/orders/{id}/cards", tag = "orders", operation_id = "reveal_cards",
    params(("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001")),
    request_body = RevealAsk<'_>,
    responses((status = 200, description = "The cards", body = ShownBody)),
)]
pub(crate) async fn reveal(State(door): State<Door>, call: Call) -> Answer {
    let (key, id): (_, OrderId) = (call.key()?, call.id()?);
    let ask: RevealAsk<'_> = call.json()?;
    let buyer = field::msisdn("msisdn", ask.msisdn.as_str())?;
    door.admit(buyer.number())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let safe = door.pin_safe()?;
    // A card that does not open is not shown: the order could not be undone any more.
    door.context.replica.read(|state| open(state, id, safe))?;
    let verb = Verb::RevealCards { order: id, buyer };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let look = |state: &ProvinceState| {
        let shown_at = state.order(id).and_then(mpss_domain::Order::shown_at);
        Ok::<_, Problem>((shown_at.ok_or_else(|| unexpected(&reply))?, open(state, id, safe)?))
    };
    let seen = door.context.replica.read_at(reply.index, look).await;
    let (shown_at, cards) = seen.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))??;
    let body = ShownBody { order_id: Shown(id), shown_at: Shown(shown_at), cards, log_index: reply.index };
    let mut response = answer::changed(StatusCode::OK, &body, &reply);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The cards of an order with their PINs; none for an order that has none.
fn open(state: &ProvinceState, order: OrderId, safe: &PinSafe) -> Result<Vec<CardPart>, Problem> {
    let cards = state.cards_of(order).unwrap_or_default();
    let opened = cards.into_iter().map(|card| {
        let pin = safe.open(card.product, card.number, &card.pin).map_err(|error| {
            tracing::error!(%order, card = card.number.masked(), %error, "a card can not be shown");
            Problem::detailed(EdgeCode::Internal, "a card can not be opened by this node")
        })?;
        Ok(CardPart { number: Shown(card.number), pin, expires: Shown(card.expires) })
    });
    opened.collect()
}

impl DoorParts {
    pub(super) fn pin_safe(&self) -> Result<&PinSafe, Problem> {
        self.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))
    }
}
