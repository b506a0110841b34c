//! The words of EVSE data (OICP 2.3, enumerations).

use crate::words::words;

words! {
    /// How charging can be started at a spot.
    pub AuthenticationMode {
        /// A card, Mifare Classic.
        NfcRfidClassic = "NFC RFID Classic",
        /// A card, Mifare DESFire.
        NfcRfidDesfire = "NFC RFID DESFire",
        /// The contract in the car (ISO 15118).
        PlugAndCharge = "PnC",
        /// From afar: app, text message or call.
        Remote = "REMOTE",
        /// Payment at the spot.
        DirectPayment = "Direct Payment",
        /// By plugging in.
        NoAuthenticationRequired = "No Authentication Required",
    }
}

words! {
    /// Who can get to a spot.
    pub Accessibility {
        /// Everybody.
        FreePubliclyAccessible = "Free publicly accessible",
        /// Some.
        RestrictedAccess = "Restricted access",
        /// Everybody who pays for parking.
        PayingPubliclyAccessible = "Paying publicly accessible",
        /// Nobody: it is for tests.
        TestStation = "Test Station",
    }
}

words! {
    /// Where the data is that calibration law asks for.
    pub CalibrationLawDataAvailability {
        /// Shown at the spot.
        Local = "Local",
        /// In the charge detail record, as signed meter values.
        External = "External",
        /// Nowhere.
        NotAvailable = "Not Available",
    }
}

words! {
    /// Whether there is a status beside the record.
    pub DynamicInfoAvailable {
        /// There is.
        Yes = "true",
        /// There is none.
        No = "false",
        /// The hub finds out.
        Auto = "auto",
    }
}

words! {
    /// Where the spot is found.
    pub(super) AccessibilityLocation {
        /// In the street.
        OnStreet = "OnStreet",
        /// On a parking lot.
        ParkingLot = "ParkingLot",
        /// In a parking garage.
        ParkingGarage = "ParkingGarage",
        /// In one below the ground.
        UndergroundParkingGarage = "UndergroundParkingGarage",
    }
}

words! {
    /// What fits in. `Unspecified`, which existed before OICP 2.3, is not among them.
    pub(super) Plug {
        /// An inductive one.
        SmallPaddleInductive = "Small Paddle Inductive",
        /// An inductive one.
        LargePaddleInductive = "Large Paddle Inductive",
        /// Avcon.
        Avcon = "AVCON Connector",
        /// Tesla.
        Tesla = "Tesla Connector",
        /// NEMA.
        Nema = "NEMA 5-20",
        /// French household.
        TypeE = "Type E French Standard",
        /// German household.
        TypeF = "Type F Schuko",
        /// British household.
        TypeG = "Type G British Standard",
        /// Swiss household.
        TypeJ = "Type J Swiss Standard",
        /// Type 1, cable attached.
        Type1 = "Type 1 Connector (Cable Attached)",
        /// Type 2, without cable.
        Type2Outlet = "Type 2 Outlet",
        /// Type 2, cable attached.
        Type2Connector = "Type 2 Connector (Cable Attached)",
        /// Type 3.
        Type3 = "Type 3 Outlet",
        /// Camping and industry.
        IecSinglePhase = "IEC 60309 Single Phase",
        /// Industry.
        IecThreePhase = "IEC 60309 Three Phase",
        /// Combined charging, Europe.
        Ccs2 = "CCS Combo 2 Plug (Cable Attached)",
        /// Combined charging, America.
        Ccs1 = "CCS Combo 1 Plug (Cable Attached)",
        /// CHAdeMO.
        Chademo = "CHAdeMO",
    }
}

words! {
    /// How charging is paid.
    pub(super) PaymentOption {
        /// Not at all; excludes the others.
        NoPayment = "No Payment",
        /// At the spot.
        Direct = "Direct",
        /// By contract.
        Contract = "Contract",
    }
}

words! {
    /// What else there is.
    pub(super) ValueAddedService {
        /// Reservation through the hub.
        Reservation = "Reservation",
        /// Prices that change.
        DynamicPricing = "DynamicPricing",
        /// Sensors that see cars.
        ParkingSensors = "ParkingSensors",
        /// Power up to a maximum that is told.
        MaximumPowerCharging = "MaximumPowerCharging",
        /// Forecasts of occupation.
        PredictiveChargePointUsage = "PredictiveChargePointUsage",
        /// Plans of the charging to come.
        ChargingPlans = "ChargingPlans",
        /// A roof.
        RoofProvided = "RoofProvided",
        /// Nothing.
        None = "None",
    }
}

words! {
    /// Alternating or direct current.
    pub(super) PowerType {
        /// One phase.
        Ac1 = "AC_1_PHASE",
        /// Three phases.
        Ac3 = "AC_3_PHASE",
        /// Direct current.
        Dc = "DC",
    }
}

words! {
    /// IEC 61851-1, and CHAdeMO.
    pub(super) ChargingMode {
        /// Mode 1.
        Mode1 = "Mode_1",
        /// Mode 2.
        Mode2 = "Mode_2",
        /// Mode 3.
        Mode3 = "Mode_3",
        /// Mode 4.
        Mode4 = "Mode_4",
        /// CHAdeMO.
        Chademo = "CHAdeMO",
    }
}

words! {
    /// What energy is made of.
    pub(super) EnergyType {
        /// Sun.
        Solar = "Solar",
        /// Wind.
        Wind = "Wind",
        /// Water.
        HydroPower = "HydroPower",
        /// Heat of the earth.
        GeothermalEnergy = "GeothermalEnergy",
        /// Biomass.
        Biomass = "Biomass",
        /// Coal.
        Coal = "Coal",
        /// Uranium.
        NuclearEnergy = "NuclearEnergy",
        /// Oil.
        Petroleum = "Petroleum",
        /// Gas.
        NaturalGas = "NaturalGas",
    }
}

words! {
    /// Days on which something is open or valid.
    pub(super) Day {
        /// All.
        Everyday = "Everyday",
        /// Monday to Friday.
        Workdays = "Workdays",
        /// Saturday and Sunday.
        Weekend = "Weekend",
        /// Monday.
        Monday = "Monday",
        /// Tuesday.
        Tuesday = "Tuesday",
        /// Wednesday.
        Wednesday = "Wednesday",
        /// Thursday.
        Thursday = "Thursday",
        /// Friday.
        Friday = "Friday",
        /// Saturday.
        Saturday = "Saturday",
        /// Sunday.
        Sunday = "Sunday",
    }
}
